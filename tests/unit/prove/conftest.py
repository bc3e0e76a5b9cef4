"""The helpers of this folder, and the real rules with their laws, loaded once."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

#!/usr/bin/env bash
# Pins every package, with hashes, for every platform and Python >= 3.11. The files name no index and no
# path, so that each site installs from wherever its own installer is configured to look.
#
# run.txt    what the service needs while it runs
# build.txt  what installing this package itself needs besides; it stays out of the container
# dev.txt    both, and what the tests and checks need
set -euo pipefail
cd "$(dirname "$0")/.."
uv="${UV:-uv}"
compile() {
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-annotate --no-header "$@"
}
compile pyproject.toml --output-file requirements/run.txt
"${PYTHON:-python3}" -c '
import tomllib
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["project"]["optional-dependencies"]["build"], sep="\n")
' | compile - --constraint requirements/run.txt --output-file requirements/build.txt
compile --extra build --extra dev --constraint requirements/run.txt --constraint requirements/build.txt \
  pyproject.toml --output-file requirements/dev.txt
if grep -nE '://|^-|find-links|index-url' requirements/{run,build,dev}.txt; then
  echo "requirements: the lines above name a place on one machine or network; remove them" >&2
  exit 1
fi

"""What the spool said it holds it gives back, in order, whatever happened to its file meanwhile."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.audit import spoolfile
from cds.audit.leftover import left_behind
from cds.audit.spool import Spool, SpoolError
from cds.audit.spoolfile import BLOCK

ROOT = Path(__file__).parents[3]
ROOM = 16 * BLOCK
HEAD = 56  # bytes of a frame before what was put
THREE = [b"one", b"two" * BLOCK, b"three"]  # the second takes four blocks
AT = {"one": BLOCK, "two": 2 * BLOCK, "three": 6 * BLOCK}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "writer-1.spool"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    with closing(Spool.open(path, ROOM)) as opened:
        yield opened


def held(spool: Spool) -> list[bytes]:
    return spool.first(1 << 30, 1 << 30)


def put(path: Path, *frames: bytes) -> None:
    with closing(Spool.open(path, ROOM)) as spool:
        for frame in frames:
            spool.put(frame)


def found(folder: Path) -> list[tuple[list[bytes], bool]]:
    """What those who are gone left here, and whether it is damaged."""
    return [(list(left.frames()), left.damaged) for left in left_behind(folder)]


def spoil(path: Path, offset: int, raw: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(raw)


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


# What waits


def test_frames_come_back_as_they_were_put_oldest_first(spool: Spool) -> None:
    odd = [b"", bytes(range(256)) * 40, b"x" * (BLOCK - HEAD), b"x" * (BLOCK - HEAD + 1), b""]
    for frame in odd:
        spool.put(frame)
    assert held(spool) == odd
    assert (spool.waiting, spool.size) == (5, sum(map(len, odd)))
    spool.drop(2)
    assert held(spool) == odd[2:]
    assert (spool.waiting, spool.size) == (3, sum(map(len, odd[2:])))


@pytest.mark.parametrize(
    ("most_bytes", "most_frames", "given_out"),
    [(1000, 9, 4), (1000, 2, 2), (30, 9, 3), (29, 9, 2), (20, 9, 2), (5, 9, 1), (0, 0, 1)],
)
def test_the_oldest_frames_are_given_out_as_far_as_they_fit_but_at_least_one(
    spool: Spool, most_bytes: int, most_frames: int, given_out: int
) -> None:
    frames = [bytes([number]) * 10 for number in range(4)]
    for frame in frames:
        spool.put(frame)
    assert spool.first(most_bytes, most_frames) == frames[:given_out]


def test_an_empty_spool_gives_nothing_out(spool: Spool) -> None:
    assert spool.first(100, 100) == []
    spool.drop(0)
    for wrong in (1, -1):
        with pytest.raises(ValueError, match="more frames than wait"):
            spool.drop(wrong)


def test_a_spool_that_is_opened_again_goes_on_where_it_was(path: Path) -> None:
    put(path, b"one", b"two")
    put(path, b"three")
    with closing(Spool.open(path, ROOM)) as spool:
        assert held(spool) == [b"one", b"two", b"three"]
        spool.drop(2)
    with closing(Spool.open(path, ROOM)) as spool:
        assert held(spool) == [b"one", b"two", b"three"], "not all were dropped: drained again"
        spool.drop(3)
        assert found(path.parent) == [], "it is in use"
        fcntl.flock(spool._handle, fcntl.LOCK_UN)
        assert found(path.parent) == [([], False)], "what a process that is killed now would leave"


STEPS = st.lists(
    st.one_of(
        st.binary(max_size=9000),
        st.integers(0, 9).map(lambda part: part / 9),  # drop this part of what waits
        st.just("reopen"),
        st.just("kill"),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_a_spool_is_a_list_that_survives(steps: list[bytes | float | str]) -> None:
    """Where some were dropped but not all, opening it anew brings them back, before the others."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.spool"
        spool = Spool.open(path, ROOM)
        stands: list[bytes] = []
        dropped = 0
        for step in steps:
            if isinstance(step, bytes):
                try:
                    spool.put(step)
                    stands.append(step)
                except SpoolError:
                    taken = sum(spoolfile.room(len(frame)) for frame in stands)
                    assert taken + spoolfile.room(len(step)) > ROOM - BLOCK, "there was room"
            elif isinstance(step, float):
                number = round(step * (len(stands) - dropped))
                spool.drop(number)
                dropped += number
                if dropped == len(stands):
                    stands, dropped = [], 0
            else:
                if step == "kill":
                    os.close(spool._handle)
                else:
                    spool.close()
                spool, dropped = Spool.open(path, ROOM), 0
            assert held(spool) == stands[dropped:]
            assert spool.waiting == len(stands) - dropped
        spool.close()
        assert path.exists() == bool(stands)


# Room


def test_the_room_is_taken_when_the_file_is_made(path: Path) -> None:
    with closing(Spool.open(path, 1 << 20)) as spool:
        assert path.stat().st_size == 1 << 20
        assert path.stat().st_blocks * 512 >= 1 << 20
        spool.put(b"x" * 100_000)
        assert path.stat().st_size == 1 << 20


def test_where_the_file_system_promises_no_room_it_is_taken(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    with closing(Spool.open(path, 3_000_000)) as spool:
        assert path.stat().st_blocks * 512 >= 3_000_000
        spool.put(b"one")
    with closing(Spool.open(path, 4_000_000)) as spool:
        assert held(spool) == [b"one"]
        assert path.stat().st_size == 4_000_000


def test_a_full_spool_says_so_and_has_room_again_once_it_is_drained(spool: Spool) -> None:
    with pytest.raises(SpoolError, match="no room is left"):
        spool.put(b"x" * ROOM)
    for number in range(15):
        spool.put(b"%d" % number)
    with pytest.raises(SpoolError, match="no room is left"):
        spool.put(b"one more")
    spool.drop(14)
    assert held(spool) == [b"14"]
    assert spool.usable
    spool.drop(1)
    for number in range(15):
        spool.put(b"again %d" % number)
    assert held(spool) == [b"again %d" % number for number in range(15)]


FULL_DISK = """
import resource, sys
from pathlib import Path
from cds.audit.spool import Spool, SpoolError

path = Path(sys.argv[1])
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))

def refused(work):
    try:
        work()
    except (OSError, SpoolError) as error:
        print(type(error).__name__, error)
    else:
        print("done")

limit(100_000)
refused(lambda: Spool.open(path, 200_000))
print(list(path.parent.iterdir()))
spool = Spool.open(path, 100_000)
refused(lambda: path.with_name("elsewhere").write_bytes(bytes(100_001)))
refused(lambda: spool.put(b"one"))
limit(2 * 4096 + 59)  # a whole frame fits, but not the zeros after it
refused(lambda: spool.put(b"two"))
print(spool.usable, spool.waiting)
limit(most)
refused(lambda: spool.put(b"three"))
spool.close()
print(Spool.open(path, 100_000).first(99, 99))
"""


def test_on_a_full_disk_the_room_that_was_taken_still_serves(path: Path) -> None:
    path.parent.mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "OSError [Errno 27] File too large",
        "[]",
        "OSError [Errno 27] File too large",
        "done",
        "SpoolError the file where decisions wait for the database cannot be written "
        "(File too large)",
        "True 1",
        "done",
        "[b'one', b'three']",
    ]


# A disk that fails


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, call: str) -> Iterator[None]:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        for name in (call, f"{call}v") if call == "pwrite" else (call,):
            patch.setattr(os, name, fails)
        yield


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_a_frame_the_disk_did_not_take_is_not_there(
    spool: Spool, path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    spool.put(b"one")
    with (
        failing(monkeypatch, call),
        pytest.raises(SpoolError, match=r"cannot be written \(Input/output error\)$"),
    ):
        spool.put(b"two")
    assert not spool.usable
    for work in (lambda: spool.put(b"three"), lambda: spool.first(9, 9), lambda: spool.drop(1)):
        with pytest.raises(SpoolError, match="cannot be written"):
            work()
    spool.close()
    with closing(Spool.open(path, ROOM)) as again:
        assert held(again) == [b"one"]
        again.put(b"four")
        assert held(again) == [b"one", b"four"]


def test_after_one_sync_that_failed_none_is_believed(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fdatasync, answers = os.fdatasync, [errno.EIO]

    def fails_once(handle: int) -> None:
        if answers:
            raise OSError(answers.pop(), os.strerror(errno.EIO))
        fdatasync(handle)

    monkeypatch.setattr(os, "fdatasync", fails_once)
    for _ in range(2):
        with pytest.raises(SpoolError, match="Input/output error"):
            spool.put(b"one")
    assert not spool.usable


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_frames_whose_dropping_failed_are_drained_again_or_gone(
    spool: Spool, path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    put_and_drained = b"one"
    spool.put(put_and_drained)
    with failing(monkeypatch, call), pytest.raises(SpoolError, match="cannot be written"):
        spool.drop(1)
    assert not spool.usable
    os.close(spool._handle)
    spool._handle = -1
    with closing(Spool.open(path, ROOM)) as again:
        assert held(again) == ([put_and_drained] if call == "pwrite" else [])


def test_what_was_dropped_is_wiped_and_what_waits_is_not(spool: Spool, path: Path) -> None:
    spool.put(b"the first")
    spool.put(b"the second")
    spool.drop(1)
    spool.wipe()
    assert held(spool) == [b"the second"]
    spool.drop(1)
    assert b"the second" in path.read_bytes(), "until it is wiped"
    spool.wipe()
    assert b"the " not in path.read_bytes()
    spool.put(b"the third")
    spool.close()
    with closing(Spool.open(path, ROOM)) as again:
        assert held(again) == [b"the third"]


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_a_disk_that_cannot_wipe_is_told(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    spool.put(b"one")
    spool.drop(1)
    with failing(monkeypatch, call), pytest.raises(SpoolError, match="cannot be written"):
        spool.wipe()
    assert not spool.usable


def test_what_cannot_be_read_back_is_told(
    spool: Spool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.put(b"one")
    with failing(monkeypatch, "pread"), pytest.raises(SpoolError, match="does not give it back"):
        spool.first(9, 9)
    assert not spool.usable
    spool.close()
    with closing(Spool.open(path, ROOM)) as again:
        spoil(path, AT["one"] + HEAD, b"!")
        with pytest.raises(SpoolError, match="was changed, or the disk does not give it back"):
            again.first(9, 9)
        assert not again.usable


def test_a_place_the_disk_does_not_give_back_is_damage(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, *THREE)
    pread = os.pread

    def bad_sector(handle: int, length: int, offset: int) -> bytes:
        if offset <= AT["two"] + BLOCK < offset + length:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(handle, length, offset)

    monkeypatch.setattr(os, "pread", bad_sector)
    assert found(path.parent) == [([b"one", b"three"], True)]


def test_nothing_is_put_into_a_file_that_was_removed(spool: Spool, path: Path) -> None:
    path.rename(path.with_name("moved"))
    with pytest.raises(SpoolError, match="moved or removed"):
        spool.put(b"one")
    assert not spool.usable
    path.touch()
    spool.close()
    assert names(path) == ["moved", path.name], "only its own file is removed"


def test_a_closed_spool_says_so(spool: Spool) -> None:
    spool.close()
    with pytest.raises(SpoolError, match="is closed"):
        spool.put(b"one")
    spool.close()


# Whose it is


def test_only_the_owner_may_read_what_waits(path: Path) -> None:
    put(path, b"one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_name_of_the_file_outlives_a_loss_of_power(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        synced.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    put(path, b"one")
    assert synced == ["folder", "file"]


def test_an_empty_spool_removes_its_file_and_one_that_holds_something_does_not(path: Path) -> None:
    put(path)
    assert names(path) == []
    put(path, b"one")
    assert names(path) == [path.name]


def test_a_file_that_was_removed_before_its_lock_was_free_is_not_taken(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def late(handle: int, how: int) -> None:
        path.unlink()
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(FileNotFoundError, match="it was removed"):
        Spool.open(path, ROOM)
    path.write_bytes(bytes(ROOM))
    assert found(path.parent) == []


def test_a_second_process_is_refused(spool: Spool, path: Path) -> None:
    spool.put(b"one")
    with pytest.raises(BlockingIOError, match="another process uses it"):
        Spool.open(path, ROOM)
    assert held(spool) == [b"one"]


def no_folder(path: Path) -> None:
    path.parent.rmdir()
    path.parent.touch()


NO_FILE: dict[str, Callable[[Path], None]] = {
    "link": lambda path: path.symlink_to(path.with_name("target")),
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "no folder": no_folder,
}


@pytest.mark.parametrize("kind", NO_FILE)
def test_what_is_no_plain_file_is_refused(path: Path, kind: str) -> None:
    path.parent.mkdir()
    NO_FILE[kind](path)
    with pytest.raises(OSError, match=r"plain file|File exists|Not a directory"):
        Spool.open(path, ROOM)
    if kind != "no folder":
        with pytest.raises(OSError, match=r"plain file|symbolic links"):
            list(left_behind(path.parent))
        assert names(path) == [path.name]


def test_a_name_nobody_would_look_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.spool"):
        Spool.open(tmp_path / "writer-1", ROOM)


FORK = """
import os, sys
from pathlib import Path
from cds.audit.spool import Spool, SpoolError

spool = Spool.open(Path(sys.argv[1]), 100_000)
child = os.fork()
if child == 0:
    try:
        spool.put(b"from the child")
    except SpoolError as error:
        print(error, flush=True)
    spool.close()
    os._exit(0)
os.waitpid(child, 0)
spool.put(b"from the parent")
print(spool.first(99, 99))
"""


def test_a_forked_child_leaves_the_spool_of_its_parent_alone(path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FORK, str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "the file where decisions wait for the database belongs to another process",
        "[b'from the parent']",
    ]


# What others left behind


def test_what_processes_left_that_are_gone_is_found_and_what_is_in_use_is_not(
    spool: Spool, path: Path
) -> None:
    spool.put(b"in use")
    put(path.with_name("b.spool"), b"three")
    put(path.with_name("a.spool"), b"one", b"two")
    path.with_name("being-made.spool").touch()
    path.with_name("old.spool.damaged").write_bytes(b"aside")
    seen = []
    for left in left_behind(path.parent):
        with pytest.raises(BlockingIOError):
            Spool.open(path.with_name(left.name), ROOM)
        assert [other.name for other in left_behind(path.parent)] == ["b.spool"]
        seen.append((left.name, left.waiting, list(left.frames()), left.damaged))
        left.remove()
        break
    assert seen == [("a.spool", 2, [b"one", b"two"], False)]
    assert found(path.parent) == [([b"three"], False)], "found again until it is removed"
    assert "a.spool" not in names(path)


def test_nothing_is_left_behind_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert found(tmp_path / "nowhere") == []


def test_one_that_is_set_aside_is_kept_under_a_name_of_its_own(path: Path) -> None:
    asides = []
    for _ in range(2):
        put(path, b"one")
        (left,) = [(left, left.set_aside())[1] for left in left_behind(path.parent)]
        asides.append(left)
    assert asides == ["writer-1.1.spool.damaged", "writer-1.2.spool.damaged"]
    assert names(path) == asides
    assert found(path.parent) == []


# Damage

DAMAGE = {
    "the last frame was cut short": (AT["three"] + HEAD, b"\0\0\0\0\0", THREE[:2], False),
    "a frame in the middle": (AT["two"] + 5000, b"!", [b"one", b"three"], True),
    "the head of a frame in the middle": (AT["two"], b"!", [b"one", b"three"], True),
    "a length that leads beyond the file": (
        AT["two"] + 20, b"\xff\xff\xff\xff", [b"one", b"three"], True,
    ),
    "a length that leads to the end of the file": (
        AT["two"] + 20, (10 * BLOCK).to_bytes(4, "big"), [b"one", b"three"], True,
    ),
    "a length of nothing": (AT["two"] + 20, bytes(4), [b"one", b"three"], True),
    "an index of later": (AT["one"] + 12, b"\xff", THREE[1:], True),
    "the first frame": (AT["one"], bytes(100), THREE[1:], True),
    "the line": (20, b"#", THREE, True),
    "the line, gone": (0, bytes(100), THREE, True),
    "the line and the first frame": (0, bytes(BLOCK + 80), THREE[1:], True),
    "what lies between frames": (AT["one"] + HEAD + 3, b"!" * 4000, THREE, False),
    "what lies behind the frames": (AT["three"] + BLOCK, b"!" * 8192, THREE, False),
    "everything": (0, b"!" * ROOM, [], True),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_costs_only_the_frames_it_meets_and_is_noticed(path: Path, kind: str) -> None:
    offset, raw, frames, damaged = DAMAGE[kind]
    put(path, *THREE)
    spoil(path, offset, raw)
    assert found(path.parent) == [(frames, damaged)]


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_spool_starts_from_a_damaged_file_with_nothing_lost(path: Path, kind: str) -> None:
    offset, raw, frames, damaged = DAMAGE[kind]
    put(path, *THREE)
    spoil(path, offset, raw)
    with closing(Spool.open(path, ROOM)) as spool:
        spool.put(b"new")
        assert held(spool) == ([b"new"] if damaged else [*frames, b"new"])
        assert found(path.parent) == ([(frames, True)] if damaged else [])


def test_a_frame_that_changed_after_it_was_found_is_left_out_and_told(path: Path) -> None:
    put(path, *THREE)
    for left in left_behind(path.parent):
        frames = left.frames()
        assert (next(frames), left.damaged) == (b"one", False)
        spoil(path, AT["two"] + 5000, b"!")
        assert (list(frames), left.damaged) == ([b"three"], True)


def test_a_length_that_is_no_length_is_not_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, *THREE)
    spoil(path, *DAMAGE["a length that leads beyond the file"][:2])
    asked: list[int] = []
    pread = os.pread

    def watched(handle: int, length: int, offset: int) -> bytes:
        asked.append(length)
        return pread(handle, length, offset)

    monkeypatch.setattr(os, "pread", watched)
    assert found(path.parent) == [([b"one", b"three"], True)]
    assert 0 < max(asked) < ROOM


def test_a_frame_the_disk_wrote_to_a_second_place_too_is_not_read_twice(path: Path) -> None:
    put(path, *THREE)
    raw = path.read_bytes()
    spoil(path, AT["three"] + BLOCK, raw[AT["one"] : AT["two"]])
    assert found(path.parent) == [(THREE, False)]


def test_frames_of_before_the_file_started_anew_are_not_read_again(path: Path) -> None:
    """Also where they are the next in number and place after a frame that is new."""
    with closing(Spool.open(path, ROOM)) as spool:
        for frame in THREE:
            spool.put(frame)
        spool.drop(3)
        os.fsync(spool._handle)
        before = path.read_bytes()
        assert before[AT["three"] + HEAD :].startswith(b"three"), "it still lies there"
        spool.put(b"new")
        spool.put(b"x" * 3 * BLOCK)
    now = path.read_bytes()
    assert found(path.parent) == [([b"new", b"x" * 3 * BLOCK], False)]
    spoil(path, 20, b"#")
    assert found(path.parent) == [([b"new", b"x" * 3 * BLOCK], True)], "nor without the line"
    path.write_bytes(now)
    for torn in (before[AT["one"] : AT["two"]], bytes(BLOCK), b"!" * BLOCK):
        spoil(path, AT["one"], torn)
        spoil(path, AT["two"], b"!")
        assert found(path.parent) == [([], False)]


def test_a_process_that_ends_while_it_makes_the_file_leaves_an_empty_spool(path: Path) -> None:
    path.parent.mkdir()
    for raw in (bytes(1), bytes(ROOM)):
        path.write_bytes(raw)
        assert found(path.parent) == [([], False)]
        put(path)


SMALL = [b"a", b"bc" * 2100, b"def"]
STARTS = [BLOCK, 2 * BLOCK, 4 * BLOCK]
ENDS = [start + HEAD + len(frame) for start, frame in zip(STARTS, SMALL, strict=True)]
OLD = [b"old" * 5000, b"old 2"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A small file with frames in it, and behind them one of before it started anew."""
    path = tmp_path_factory.mktemp("small") / "s.spool"
    with closing(Spool.open(path, 6 * BLOCK)) as spool:
        for frame in OLD:
            spool.put(frame)
        spool.drop(2)
        for frame in SMALL:
            spool.put(frame)
    whole = path.read_bytes()
    assert whole[5 * BLOCK + HEAD :].startswith(OLD[1])
    return path, whole


def test_a_file_cut_anywhere_gives_back_all_that_lies_before_the_cut(
    small: tuple[Path, bytes],
) -> None:
    path, whole = small
    path.write_bytes(whole)
    handle = os.open(path, os.O_RDWR)
    try:
        for cut in reversed(range(1, len(whole))):
            os.ftruncate(handle, cut)
            scan = spoolfile.scan(handle)
            frames = [spoolfile.read(handle, place) for place in scan.places]
            assert (frames, scan.damaged) == (
                [frame for frame, end in zip(SMALL, ENDS, strict=True) if end <= cut], True,
            ), cut  # fmt: skip
    finally:
        os.close(handle)


def test_no_single_byte_can_be_changed_so_that_a_frame_comes_back_that_was_not_put(
    small: tuple[Path, bytes],
) -> None:
    path, whole = small
    path.write_bytes(whole)
    handle = os.open(path, os.O_RDWR)
    try:
        for offset in range(len(whole)):
            os.pwrite(handle, bytes([whole[offset] ^ (1 << offset % 8)]), offset)
            scan = spoolfile.scan(handle)
            frames = [spoolfile.read(handle, place) for place in scan.places]
            os.pwrite(handle, whole[offset : offset + 1], offset)
            hit = [a <= offset < b for a, b in zip(STARTS, ENDS, strict=True)]
            assert frames == [f for f, bad in zip(SMALL, hit, strict=True) if not bad], offset
            assert scan.damaged == (offset < 78 or any(hit[:-1])), offset
    finally:
        os.close(handle)


@settings(max_examples=150, deadline=None)
@given(
    holes=st.lists(st.tuples(st.integers(0, 6 * BLOCK - 1), st.binary(max_size=5000)), max_size=4)
)
def test_whatever_happens_to_a_file_only_what_was_put_comes_back_in_order(
    small: tuple[Path, bytes], holes: list[tuple[int, bytes]]
) -> None:
    path, whole = small
    raw = bytearray(whole)
    for offset, junk in holes:
        raw[offset : offset + len(junk)] = junk
    path.write_bytes(raw)
    ((frames, _),) = found(path.parent)
    intact = [
        frame
        for frame, start, end in zip(SMALL, STARTS, ENDS, strict=True)
        if raw[start:end] == whole[start:end]
    ]
    # Without its line and all its frames nothing tells what was drained already: harmless.
    assert frames == intact or (not intact and frames == OLD[1:])

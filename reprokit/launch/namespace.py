"""Gives a command a view of the file system in which a replay's directories stand where the original's stood.

Run as a program of its own (``python -I namespace.py SPEC``): it unshares the mount namespace, mounts, and becomes the
command. The command sees the recorded absolute paths; what it writes there lands in the replay's workspace. Standard
library only, since it runs under ``-I``. Linux only (mount_namespaces(7), user_namespaces(7)).
"""

import ctypes
import json
import os
import signal
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
KEPT_FLAGS = ((2, 2), (4, 4), (8, 8), (1024, 1024), (2048, 2048), (4096, 1 << 21))
"""statvfs(3) -> mount(2): nosuid, nodev, noexec, noatime, nodiratime, relatime."""
PR_SET_PDEATHSIG = 1
NOT_POSSIBLE = 121
"""Exit status that says: this machine does not allow it. Nothing was run."""


class _System:
    """The two system calls, through libc."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def unshare(self, flags: int) -> None:
        if self._libc.unshare(flags) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), "unshare")

    def end_with_parent(self) -> None:
        """Whoever is killed outright, as by a scheduler, cannot stop what it started: the kernel does (prctl(2))."""
        self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def mount(self, source: str, target: str, flags: int) -> None:
        arguments = (os.fsencode(source), os.fsencode(target), None, flags, None)
        if self._libc.mount(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), f"mount {source} on {target}")


class View:
    """The mounts of one replay, in the order in which they are made.

    Args:
        scratch: an empty directory for copies of the file system's skeleton.
    """

    def __init__(self, scratch: str) -> None:
        self._system = _System()
        self._scratch = scratch
        self._count = 0

    def end_with_parent(self) -> None:
        """The command ends when the process that replays it does, however that ends."""
        self._system.end_with_parent()

    def enter(self) -> None:
        """Leaves the machine's mount namespace; as an ordinary user through a user namespace with the same ids."""
        uid, gid = os.getuid(), os.getgid()
        if os.geteuid() == 0:
            self._system.unshare(CLONE_NEWNS)
        else:
            self._system.unshare(CLONE_NEWNS | CLONE_NEWUSER)
            for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
        self._system.mount("none", "/", MS_REC | MS_PRIVATE)

    def bind(self, source: str, target: str) -> None:
        """Makes ``source`` appear at ``target``, whether or not that exists."""
        self._make_mount_point(target, directory=os.path.isdir(source))
        self._system.mount(source, target, MS_BIND | MS_REC)

    def lend(self, source: str, target: str) -> None:
        """Makes ``source`` appear at ``target``, for reading only."""
        self.bind(source, target)
        # A user namespace may add the flag and must keep those that the file system was mounted with.
        found = os.statvfs(target).f_flag
        kept = sum(flag for bit, flag in KEPT_FLAGS if found & bit)
        self._system.mount(source, target, MS_BIND | MS_REMOUNT | MS_RDONLY | kept)

    def shadow(self, directory: str, replacement: str, hidden: "list[str]", project: str) -> None:
        """Puts ``replacement`` at ``directory``, and into it all that was there.

        The paths in ``hidden`` and the ``project`` are left out: there the replacement's own content stands.
        """
        if os.path.isdir(directory):
            self._copy_skeleton(directory, replacement, {*hidden, project})
        self.bind(replacement, directory)

    def _copy_skeleton(self, directory: str, target: str, left_out: "set[str]") -> None:
        for name in sorted(os.listdir(directory)):
            source, place = os.path.join(directory, name), os.path.join(target, name)
            if source in left_out:
                continue
            if os.path.lexists(place):
                # Both have it: the replacement's files win, and what else the directory held must stay to be seen.
                if os.path.isdir(source) and os.path.isdir(place) and not os.path.islink(source):
                    self._copy_skeleton(source, place, left_out)
                continue
            try:
                self._mirror(source, place)
            except OSError:
                if os.path.lexists(source):
                    raise
                # It is gone since the directory was listed, as other programs' temporary files are.
                _remove_empty(place)

    def _mirror(self, source: str, place: str) -> None:
        """Makes ``source`` appear at ``place``, where nothing is yet."""
        if os.path.islink(source):
            os.symlink(os.readlink(source), place)
            return
        if os.path.isdir(source):
            os.mkdir(place)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
        self._system.mount(source, place, MS_BIND | MS_REC)

    def _make_mount_point(self, target: str, *, directory: bool) -> None:
        if os.path.lexists(target):
            return
        parent = target
        while not os.path.isdir(parent):
            parent = os.path.dirname(parent)
        if not parent.startswith(self._scratch.rpartition("/")[0]):  # nothing is created on the machine itself
            self._count += 1
            skeleton = os.path.join(self._scratch, str(self._count))
            os.mkdir(skeleton)
            self._copy_skeleton(parent, skeleton, set())
            if parent == "/":
                os.chroot(skeleton)
            else:
                self._system.mount(skeleton, parent, MS_BIND | MS_REC)
        os.makedirs(target if directory else os.path.dirname(target), exist_ok=True)
        if not directory:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))


def _remove_empty(place: str) -> None:
    if os.path.isdir(place):
        os.rmdir(place)
    elif os.path.lexists(place):
        os.unlink(place)


def main(path: str) -> None:
    """Builds the view that the JSON file at ``path`` describes and becomes its command."""
    with open(path) as file:
        spec = json.load(file)
    try:
        view = View(spec["scratch"])
        view.enter()
        for kind, *arguments in spec["mounts"]:
            getattr(view, kind)(*arguments)
        os.chdir(spec["cwd"])
        view.end_with_parent()
    except OSError as error:
        print(f"reprokit: {error}", file=sys.stderr)
        sys.exit(NOT_POSSIBLE)
    command = spec["command"]
    if not command:
        return
    try:
        os.execvpe(spec["executable"], command, os.environ)
    except OSError as error:
        print(f"reprokit: cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)


if __name__ == "__main__":
    main(sys.argv[1])

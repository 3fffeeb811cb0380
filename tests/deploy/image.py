"""The steps of the Dockerfile, done without Docker: its own instructions, read from it, in folders made by debootstrap.

What Docker does for an instruction is done by chroot in namespaces of its own; what this does not know is an error, so
a Dockerfile that says more than is tried here does not pass.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from string import Template

from dockerfile_parse import DockerfileParser

HERE = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
BASES = {"debian:bookworm-slim"}
"""Images that debootstrap makes as well."""
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PASSED = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
"""What of this machine's way to the network a step is told, as Docker tells its build arguments."""
_CLEAN = """\
APT::Keep-Downloaded-Packages "false";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
"""
_SLIM = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale")
"""What debian:bookworm-slim leaves out."""


@dataclass(frozen=True)
class Image:
    """A file system in a folder, and how it is to be run."""

    tree: Path
    env: Mapping[str, str] = field(default_factory=lambda: {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    workdir: str = "/"
    user: str = "0:0"
    entrypoint: Sequence[str] = ()
    cmd: Sequence[str] = ()
    healthcheck: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""
    exposed: Sequence[str] = ()


class Unknown(Exception):
    """An instruction, or a form of one, that is not done here."""


def build(testbed: Path, arguments: Mapping[str, str] | None = None) -> Image:
    """Build the project's image; stages whose steps are unchanged are taken from the last time.

    Args:
        testbed: a folder that is kept; the base is made in it once.
        arguments: those of --build-arg.
    """
    testbed.mkdir(parents=True, exist_ok=True)
    context = testbed / "context"
    _copy_context(context)
    return _Build(testbed.resolve(), context, dict(arguments or {})).image()


class _Build:
    def __init__(self, testbed: Path, context: Path, given: Mapping[str, str]) -> None:
        self._testbed, self._context, self._given = testbed, context, given
        self._stages: dict[str, Image] = {}
        self._arguments: dict[str, str] = {}

    def image(self) -> Image:
        """Do all stages; the last one is the image."""
        for name, base, steps in _stages((HERE / "Dockerfile").read_bytes(), self._given):
            self._arguments = {}
            begun = self._stages.get(base) or Image(_base(self._testbed, base))
            before = [begun.tree.name, *(each.tree.name for each in self._stages.values())]
            digest = hashlib.sha256(json.dumps([before, steps]).encode())
            for path in sorted(self._context.rglob("*")) if any(kind == "COPY" for kind, _ in steps) else []:
                digest.update(f"{path.relative_to(self._context)}\n".encode())
                digest.update(path.read_bytes() if path.is_file() else b"")
            tree = self._testbed / f"{name}-{digest.hexdigest()[:16]}"
            done = (tree / ".complete").exists()
            if not done:
                for old in self._testbed.glob(f"{name}-*"):
                    shutil.rmtree(old)
                subprocess.run(["cp", "-a", begun.tree, tree], check=True)
                (tree / ".complete").unlink(missing_ok=True)
            made = replace(begun, tree=tree)
            for kind, value in steps:
                made = self._step(made, kind, value, done)
            (tree / ".complete").touch()
            self._stages[name] = made
        return made

    def _step(self, image: Image, kind: str, value: str, done: bool) -> Image:
        match kind:
            case "RUN":
                if not done:
                    _run(image, value)
            case "COPY":
                if not done:
                    self._copy(image, shlex.split(value))
            case "ENV":
                return replace(image, env={**image.env, **_pairs(value, image.env)})
            case "LABEL":
                return replace(image, labels={**image.labels, **_pairs(value, self._arguments)})
            case "ARG":
                name, _, default = value.partition("=")
                self._arguments[name] = self._given.get(name, default)
            case "WORKDIR":
                (image.tree / value.lstrip("/")).mkdir(parents=True, exist_ok=True)
                return replace(image, workdir=value)
            case "USER":
                return replace(image, user=value)
            case "EXPOSE":
                return replace(image, exposed=value.split())
            case "STOPSIGNAL":
                return replace(image, stop_signal=value)
            case "HEALTHCHECK":
                return replace(image, healthcheck=_exec_form(value.partition("CMD ")[2]))
            case "ENTRYPOINT":
                return replace(image, entrypoint=_exec_form(value), cmd=())
            case "CMD":
                return replace(image, cmd=_exec_form(value))
            case _:
                raise Unknown(f"{kind} {value}")
        return image

    def _copy(self, image: Image, words: Sequence[str]) -> None:
        options = [word for word in words if word.startswith("--")]
        *sources, target = [word for word in words if not word.startswith("--")]
        source_tree = self._context
        for option in options:
            stage = option.removeprefix("--from=")
            if stage == option:
                raise Unknown(f"COPY {option}")
            source_tree = self._stages[stage].tree
        into = image.tree / os.path.join(image.workdir, target).lstrip("/")  # noqa: PTH118 - Docker's own rule
        for source in sources:
            there = source_tree / source.lstrip("/")
            if there.is_dir():
                into.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-a", f"{there}/.", into], check=True)
            else:
                place = into / there.name if target.endswith("/") else into
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(there, place)


def _stages(text: bytes, given: Mapping[str, str]) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Name, base and steps of each stage."""
    everywhere: dict[str, str] = {}
    stage: tuple[str, str, list[tuple[str, str]]] | None = None
    for each in DockerfileParser(fileobj=BytesIO(text), env_replace=False).structure:
        kind, value = each["instruction"], each["value"]
        if kind == "COMMENT":
            continue
        if kind == "FROM":
            if stage is not None:
                yield stage
            base, _, name = value.partition(" AS ")
            stage = (name or "image", Template(base).substitute(everywhere), [])
        elif stage is not None:
            stage[2].append((kind, value))
        elif kind == "ARG":
            name, _, default = value.partition("=")
            everywhere[name] = given.get(name, default)
        else:
            raise Unknown(f"{kind} {value}")
    assert stage is not None
    yield stage


def _pairs(text: str, variables: Mapping[str, str]) -> dict[str, str]:
    words = [word.partition("=") for word in shlex.split(text)]
    return {name: Template(value).substitute(variables) for name, _, value in words}


def _exec_form(text: str) -> list[str]:
    """The words of an exec form; the shell's form is none."""
    words = json.loads(text)
    assert all(isinstance(word, str) for word in words)
    return list(words)


def _base(testbed: Path, name: str) -> Path:
    """The folder of a base image: Debian's smallest system, as debootstrap makes it and Debian's own image slims it."""
    if name not in BASES:
        raise Unknown(f"FROM {name}")
    tree = testbed / f"{SUITE}-minbase"
    if (tree / ".complete").exists():
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["debootstrap", "--variant=minbase", SUITE, tree], check=True, stdout=subprocess.DEVNULL)
    sources = tree / "etc/apt/sources.list"
    mirror = sources.read_text().split()[1]  # as debootstrap has left it: deb MIRROR SUITE main
    lines = ((mirror, SUITE), (mirror, f"{SUITE}-updates"), (f"{mirror.rstrip('/')}-security", f"{SUITE}-security"))
    sources.write_text("".join(f"deb {where} {what} main\n" for where, what in lines))
    excluded = "".join(f"path-exclude=/{each}/*\n" for each in _SLIM)
    (tree / "etc/dpkg/dpkg.cfg.d/docker").write_text(f"force-unsafe-io\n{excluded}")
    (tree / "etc/apt/apt.conf.d/docker-clean").write_text(_CLEAN)
    for each in _SLIM:
        for inside in (tree / each).iterdir():
            shutil.rmtree(inside) if inside.is_dir() and not inside.is_symlink() else inside.unlink()
    subprocess.run(["chroot", tree, "apt-get", "clean"], check=True)
    for left in ("var/lib/apt/lists", "var/log"):
        shutil.rmtree(tree / left)
        (tree / left).mkdir()
    (tree / ".complete").touch()
    return tree


_IN_NAMESPACES = """
set -eu
mount --bind "$TREE" "$TREE"
mount -t proc proc "$TREE/proc"
[ ! -e "$CERTIFICATES" ] || [ ! -e "$TREE$CERTIFICATES" ] || mount --bind "$CERTIFICATES" "$TREE$CERTIFICATES"
for cache in $CACHES; do
  mkdir -p "$HOME/.cache"
  mkdir -p "$TREE$cache"
  mount --bind "$HOME/.cache" "$TREE$cache"
done
cp /etc/resolv.conf "$TREE/etc/resolv.conf"
exec chroot "$TREE" "$@"
"""


def _run(image: Image, value: str) -> None:
    """A step by the shell as root, with the network of this machine and the certificates it trusts.

    A cache that the step asks for is that of this machine's own uv and pip: it holds what they have fetched already.
    """
    caches = re.findall(r"--mount=type=cache,target=(\S+)", value)
    if any(each != "/root/.cache" for each in caches):
        raise Unknown(value)
    command = re.sub(r"--mount=type=cache,\S+", "", value).strip()
    if command.startswith("--"):
        raise Unknown(value)
    inside = ["env", "-i", f"--chdir={image.workdir}", "DEBIAN_FRONTEND=noninteractive", "HOME=/root"]
    inside += [f"{name}={os.environ[name]}" for name in _PASSED if name in os.environ]
    inside += [f"{name}={given}" for name, given in image.env.items()]
    outside = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(Path.home()),
        "TREE": str(image.tree),
        "CERTIFICATES": str(_CERTIFICATES),
        "CACHES": " ".join(caches),
    }
    entering = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _IN_NAMESPACES, "sh"]
    made = subprocess.run(
        [*entering, *inside, "/bin/sh", "-c", command],
        env=outside,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"RUN {command}\n{made.stdout[-4_000:]}")


def _copy_context(folder: Path) -> None:
    """What `docker build` would send: the checkout without what .dockerignore leaves out."""
    shutil.rmtree(folder, ignore_errors=True)
    rules = [
        (line.startswith("!"), _pattern(line.removeprefix("!").strip("/")))
        for line in (HERE / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    def sent(path: Path) -> bool:
        places = [path, *path.parents[:-1]]
        kept = True
        for keeps, pattern in rules:
            if any(pattern.fullmatch(str(place)) for place in places):
                kept = keeps
        return kept

    tops = [top for top in HERE.iterdir() if sent(top.relative_to(HERE))]
    for path in (path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))):
        relative = path.relative_to(HERE)
        if path.is_file() and sent(relative):
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, folder / relative)


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*)", text)
    return re.compile("".join({"**/": "(.*/)?", "*": "[^/]*"}.get(part) or re.escape(part) for part in parts))

"""`nox` runs the suite on every Python that segdl supports."""

import nox

nox.options.sessions = ["tests", "lint"]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    session.install("-e", ".", *nox.project.dependency_groups(_project(), "test"))
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    groups = nox.project.dependency_groups(_project(), "test", "lint")
    session.install("-e", ".", *groups)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


def _project() -> dict[str, object]:
    return nox.project.load_toml("pyproject.toml")

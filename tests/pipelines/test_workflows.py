"""The workflows, read as GitHub reads them, and their scripts, run with commands that only say what they were asked."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
OURS = re.compile(r"\$/\.github/workflows/[a-z]+\.yml")
OIDC = ("contents: read", "id-token: write")
STACKS = ("dev", "prod")

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def read(path: Path | str) -> dict[Any, Any]:
    """Read a workflow. YAML 1.1 reads the key `on` as true."""
    if isinstance(path, str):
        path = ROOT / ".github" / "workflows" / f"{path}.yml"
    document: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def steps(document: Mapping[Any, Any]) -> Iterator[dict[str, Any]]:
    """Give all steps of all jobs."""
    for job in document["jobs"].values():
        yield from job.get("steps", [])


def script(workflow: str, job: str, **wanted: str) -> str:
    """Give the commands of the step that has these values, or of the only one."""
    found = [step for step in read(workflow)["jobs"][job]["steps"] if wanted.items() <= step.items() and "run" in step]
    (step,) = found
    commands: str = step["run"]
    return commands


# ----------------------------------------------------------------------------------------- what they say


def test_there_is_a_workflow_for_each_part() -> None:
    """And the one that deploys one environment, which `deploy` calls for each."""
    assert [path.stem for path in FILES] == ["ci", "deploy", "drift", "preview", "update"]


def test_ci_runs_the_command_of_the_readme_and_nothing_else() -> None:
    """As every developer does."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^    (make test) +# ", readme, re.MULTILINE)
    assert [step["run"] for step in steps(read("ci")) if "run" in step] == [command]
    assert f"\n{command}\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@every_file
def test_actions_are_pinned_by_their_whole_commit_with_the_version_beside_it(path: Path) -> None:
    """A tag can be moved to another commit, a commit cannot."""
    text = path.read_text(encoding="utf-8")
    used = [step["uses"] for step in steps(read(path)) if "uses" in step]
    used += [job["uses"] for job in read(path)["jobs"].values() if "uses" in job]
    assert used
    for name in used:
        assert PINNED.fullmatch(name) or OURS.fullmatch(name), name
        if PINNED.fullmatch(name):
            assert re.search(rf"uses: {re.escape(name)} # v\d+\.\d+\.\d+$", text, re.MULTILINE), name


def test_an_action_has_one_version_everywhere() -> None:
    """Two would be one that was forgotten."""
    used = {step["uses"] for path in FILES for step in steps(read(path)) if "uses" in step}
    assert len(used) == len({name.partition("@")[0] for name in used}) == 4


@every_file
def test_a_workflow_may_do_nothing_and_each_job_what_it_says(path: Path) -> None:
    """Rights stand at jobs, with a comment for what each is."""
    document, text = read(path), path.read_text(encoding="utf-8")
    assert document["permissions"] == {}
    for job in document["jobs"].values():
        assert job["permissions"]
        for right, level in job["permissions"].items():
            assert right in {"contents", "id-token", "issues", "pull-requests"}
            assert re.search(rf"^ +{right}: {level} # to ", text, re.MULTILINE)
            assert level == "read" or right != "contents"


def test_what_may_write_runs_no_code_of_the_repository() -> None:
    """Comments and issues are written by jobs of their own, without a check-out and without a role."""
    for path in FILES:
        for name, job in read(path)["jobs"].items():
            if {"issues", "pull-requests"} & job["permissions"].keys():
                assert "uses" not in str(job.get("steps")), name
                assert "id-token" not in job["permissions"], name


@every_file
def test_there_is_no_secret_but_the_token_of_the_job(path: Path) -> None:
    """Roles are assumed by OIDC. A key that does not exist cannot leak."""
    text = path.read_text(encoding="utf-8")
    assert "secrets" not in text
    assert not re.search(r"aws-(access-key-id|secret-access-key)|PULUMI_ACCESS_TOKEN", text)
    for step in steps(read(path)):
        if "configure-aws-credentials" in step.get("uses", ""):
            assert step["with"]["role-to-assume"].startswith("${{ vars.")
            assert step["with"]["role-duration-seconds"] <= 3_600


@every_file
def test_nothing_runs_for_ever_or_twice_at_once(path: Path) -> None:
    """A deployment is never ended half-way; a test whose change is out of date is."""
    document = read(path)
    reusable = list(document[True]) == ["workflow_call"]
    for job in document["jobs"].values():
        assert "uses" in job or 0 < job["timeout-minutes"] <= 60
        assert not reusable or job["concurrency"]["group"]
    if not reusable:
        assert document["concurrency"]["group"]
    changes = path.stem in {"deploy", "update", "drift"}
    ends = str(document.get("concurrency", document["jobs"].get("update", {}).get("concurrency"))["cancel-in-progress"])
    assert changes == (ends == "False")


@every_file
def test_no_value_of_a_pull_request_becomes_a_command(path: Path) -> None:
    """Values reach scripts as environment, never as text of the script."""
    for step in steps(read(path)):
        assert "${{" not in step.get("run", "")
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_pull_requests_of_others_get_no_role_and_no_token_that_writes() -> None:
    """Never `pull_request_target`, which would run their code with our rights."""
    for path in FILES:
        assert "pull_request_target" not in path.read_text(encoding="utf-8")
    assert read("preview")["jobs"]["preview"]["if"] == (
        "github.event.pull_request.head.repo.full_name == github.repository"
    )


def test_previews_and_the_search_for_drift_have_the_environment_of_the_role_that_reads() -> None:
    """Only `update` names the environment whose role can change something, and only `deploy` calls it."""
    for name in ("preview", "drift"):
        job = read(name)["jobs"][name]
        assert job["environment"] == "${{ matrix.stack }}-preview"
        assert job["strategy"]["matrix"]["stack"] == list(STACKS)
    assert read("update")["jobs"]["update"]["environment"] == "${{ inputs.stack }}"
    callers = [path.stem for path in FILES if "update.yml" in path.read_text(encoding="utf-8")]
    assert callers == ["deploy"]


def test_production_comes_after_development_which_comes_after_the_tests() -> None:
    """And from the main branch only."""
    document = read("deploy")
    assert document[True]["push"] == {"branches": ["main"]}
    jobs = document["jobs"]
    assert (jobs["dev"]["needs"], jobs["prod"]["needs"]) == ("test", "dev")
    assert [jobs[stack]["with"]["stack"] for stack in STACKS] == list(STACKS)


def test_every_deployment_and_preview_is_judged_by_the_policies() -> None:
    """A rule that is not asked is none."""
    commands = re.findall(
        r"pulumi (?:up|preview) [^\n]*(?:\\\n[^\n]*)*", "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    )
    assert len(commands) == 3
    assert all("--policy-pack policies" in command for command in commands)
    assert (ROOT / "policies" / "PulumiPolicy.yaml").is_file()


def test_pulumi_is_the_version_that_the_tests_run_with() -> None:
    """The CLI and its package go together."""
    lock = (ROOT / "requirements" / "program.txt").read_text(encoding="utf-8")
    (locked,) = re.findall(r"^pulumi==(\S+)", lock, re.MULTILINE)
    versions = {
        step["with"]["pulumi-version"]
        for path in FILES
        for step in steps(read(path))
        if "pulumi-version" in step.get("with", {})
    }
    assert versions == {locked}


def test_every_variable_and_environment_is_explained() -> None:
    """Who sets them up has one page."""
    page = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    names = set(re.findall(r"vars\.([A-Z_]+)", text))
    assert names == {"AWS_DEPLOY_ROLE_ARN", "AWS_PREVIEW_ROLE_ARN", "AWS_REGION", "PULUMI_BACKEND_URL"}
    for name in [*names, *STACKS, *(f"{stack}-preview" for stack in STACKS), *(path.stem for path in FILES)]:
        assert f"`{name}`" in page, name
    for name in {step["uses"] for path in FILES for step in steps(read(path)) if "uses" in step}:
        action, _, commit = name.partition("@")
        assert f"| `{action}` | `{commit}` |" in page, name


# ------------------------------------------------------------------------------------------ what they do


class Bench:
    """A folder in which scripts run, with commands that write down what they were asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()

    def command(self, name: str, commands: str) -> None:
        """Make a command."""
        path = self.folder / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "$BENCH/asked"\n{commands}\n')
        path.chmod(0o755)

    def run(self, commands: str, **environment: str) -> int:
        """Run a script as GitHub does; give its exit status."""
        variables = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "BENCH": str(self.folder),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GH_REPO": "acme/backups",
            **environment,
        }
        done = subprocess.run(  # noqa: S603 - the scripts of this repository
            ["/usr/bin/env", "bash", "-e", "-o", "pipefail", "-c", commands],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            check=False,
        )
        return done.returncode

    def text(self, name: str) -> str:
        """Read what was written."""
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a folder of one's own."""
    return Bench(tmp_path)


@pytest.mark.parametrize("status", [0, 3])
def test_a_preview_gives_its_text_and_ends_as_pulumi_did(bench: Bench, status: int) -> None:
    """A broken policy must fail the check, and the comment must say which."""
    bench.command("pulumi", f"echo 'policy broken'; exit {status}")
    assert bench.run(script("preview", "preview", id="preview"), STACK="prod") == status
    first, *rest, last = bench.text("output").splitlines()
    assert first.startswith("prod<<end-")
    assert last == first.removeprefix("prod<<")
    assert "policy broken" in rest
    assert "pulumi preview --stack prod --diff --policy-pack policies" in bench.text("asked")


def test_a_preview_of_any_length_fits_into_a_comment(bench: Bench) -> None:
    """65,536 characters are the limit, for both stacks together."""
    bench.command("gh", "")
    text = "a line of a long preview `$(touch hacked)`\n" * 3_000
    assert bench.run(script("preview", "comment"), NUMBER="7", DEV=text[:60_000], PROD=text[:60_000]) == 0
    comment = bench.text("comment.md")
    assert len(comment) < 65_536
    assert "### Preview of dev" in comment
    assert "### Preview of prod" in comment
    assert not (bench.folder / "hacked").exists()


@pytest.mark.parametrize(
    ("known", "call"), [("", "POST repos/acme/backups/issues/7"), ("42", "PATCH repos/acme/backups/issues/comments/42")]
)
def test_a_pull_request_has_one_comment(bench: Bench, known: str, call: str) -> None:
    """It is written once and then changed."""
    bench.command("gh", f'case "$*" in *paginate*) echo "{known}";; esac')
    assert bench.run(script("preview", "comment"), NUMBER="7", DEV="nothing", PROD="") == 0
    assert call in bench.text("asked")
    assert "The preview gave no result" in bench.text("comment.md")


def test_nothing_that_differs_is_no_drift(bench: Bench) -> None:
    """Both questions are asked, and no text is handed on."""
    bench.command("pulumi", "echo unchanged")
    assert bench.run(script("drift", "drift", id="drift"), STACK="dev") == 0
    refreshed, previewed = bench.text("asked").splitlines()
    assert refreshed.startswith("pulumi refresh --stack dev --preview-only --expect-no-changes")
    assert previewed.startswith("pulumi preview --stack dev --refresh --expect-no-changes")
    assert bench.text("output") == ""


@pytest.mark.parametrize("which", ["refresh", "preview"])
def test_either_difference_is_drift_and_both_questions_are_asked(bench: Bench, which: str) -> None:
    """What was changed by hand, and what the program would change."""
    bench.command("pulumi", f'echo "$1 differs"; [ "$1" != {which} ]')
    assert bench.run(script("drift", "drift", id="drift"), STACK="dev") == 1
    assert len(bench.text("asked").splitlines()) == 2
    assert f"{which} differs" in bench.text("output")


@pytest.mark.parametrize(
    ("known", "call"), [("", "gh issue create --title Drift"), ("42", "gh issue comment 42 --body-file")]
)
def test_drift_has_one_open_issue(bench: Bench, known: str, call: str) -> None:
    """A second night adds to it."""
    bench.command("gh", f'case "$*" in "issue list"*) echo "{known}";; esac')
    assert bench.run(script("drift", "alert"), RUN="run 7", DEV="", PROD="memory: 1769 => 2048") == 0
    assert call in bench.text("asked")
    issue = bench.text("issue.md")
    assert "memory: 1769 => 2048" in issue
    assert "### dev" not in issue
    assert "run 7" in issue

"""`synthlab run FILE|RECIPE`: queue what is not done yet, and follow it until it is."""

from __future__ import annotations

from collections import Counter
from typing import Any

from synthlab.cli.expected import print_expected
from synthlab.cli.follow import Followed, follow
from synthlab.cli.plan import read_plan
from synthlab.cli.results import print_results
from synthlab.cli.session import Session
from synthlab.cli.words import many
from synthlab.errors import ExitCode
from synthlab.execution import client


def run_experiment(session: Session) -> ExitCode:
    """Submit the experiment; unless detached, narrate until every run has ended, then print results.

    Ctrl-C detaches: the runs go on. Exit codes: 0 all done, 1 something ended badly, 130 detached.
    """
    output, home = session.output, session.home
    submission = read_plan(session, session.arguments.file).submission
    answer = client.submit(home, submission)
    experiment = str(answer["experiment"])
    output.say(f"{experiment}: {_actions(answer)}")
    if session.arguments.detach:
        output.say(_how_to_return(experiment))
        if session.arguments.json:
            output.json("submitted", answer)
        return ExitCode.DONE
    try:
        followed = follow(home, experiment, output)
    except KeyboardInterrupt:
        output.say(f"\ndetached; the runs of {experiment} go on.\n{_how_to_return(experiment)}")
        return ExitCode.INTERRUPTED
    return _report(session, experiment, followed)


def _actions(answer: dict[str, Any]) -> str:
    counts = Counter(answer["actions"])
    words = {"cached": "cached", "run": "to run", "resume": "to resume", "wait": "under way"}
    parts = [f"{counts[action]} {word}" for action, word in words.items() if counts[action]]
    return f"{many(sum(counts.values()), 'step')}: {', '.join(parts)}"


def _how_to_return(experiment: str) -> str:
    name = experiment.rpartition(".")[0]
    return (
        f"  watch:  synthlab runs --filter experiment:{experiment}\n"
        f"  return: synthlab run the same file again (nothing is done twice)\n"
        f"  stop:   synthlab stop {experiment}\n"
        f"  see:    synthlab results {name}"
    )


def _report(session: Session, experiment: str, followed: Followed) -> ExitCode:
    output = session.output
    for run in followed.ended_badly:
        if run["reason"] != "input_failed":
            output.say(f"\n{run['label']} ({run['id']}) {run['state']}: {run['message']}")
            if run["hint"]:
                output.say(f"  {run['hint'].replace('RUN', run['id'])}")
    print_results(session, experiment)
    print_expected(session, experiment)
    if followed.ended_badly:
        output.say(f"\n{len(followed.ended_badly)} of {followed.total} steps did not succeed.")
        output.say("  what is done stays: repair what failed, then run the same command again")
        return ExitCode.FAILED
    return ExitCode.DONE

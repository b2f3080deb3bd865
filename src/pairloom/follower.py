"""One of the processes that share a run's batches: `pairloom.training.members` starts it beside the one that leads."""

import sys

from pairloom.errors import UserError
from pairloom.settings import load_experiment
from pairloom.training.members import own_member
from pairloom.training.team import Team
from pairloom.training_run import follow


def main(words: list[str]) -> int:
    """Take part: RANK, COUNT, PORT, DEVICE and PRECISION are what the leader says."""
    rank, count, port = map(int, words[:3])
    config = load_experiment(settings={"train.device": words[3], "train.precision": words[4]}).train
    try:
        with Team(config, own_member(rank, count, port)) as team:
            follow(team)
    except UserError as error:
        print(f"pairloom (process {rank + 1} of {count}): {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0  # all were asked to stop, and the leader has saved the state
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The entry of every rank but the first, where Pairloom starts the processes itself (see `training/members.py`)."""

import sys

from pairloom.errors import UserError
from pairloom.settings import load_experiment
from pairloom.training.distributed import DistributedContext
from pairloom.training.members import own_member
from pairloom.training_run import join


def main(words: list[str]) -> int:
    """Join the run: RANK, WORLD_SIZE, PORT, DEVICE and PRECISION come from the main process."""
    rank, count, port = map(int, words[:3])
    config = load_experiment(settings={"train.device": words[3], "train.precision": words[4]}).train
    try:
        with DistributedContext(config, own_member(rank, count, port)) as context:
            join(context)
    except UserError as error:
        print(f"pairloom (process {rank + 1} of {count}): {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0  # all were asked to stop, and the main process has saved the state
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

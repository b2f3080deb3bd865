"""The command line: each command parses its arguments, calls one function and prints the result.

Heavy imports are inside the commands, so that `--help` and `--version` are fast.
"""

import io
import sys
from collections.abc import Callable, Mapping, Sequence

from pairloom import __version__
from pairloom.cli.completion import completion
from pairloom.cli.data import DATA_KINDS, check, data
from pairloom.cli.export import export
from pairloom.cli.inference import compare, evaluate, translate
from pairloom.cli.parsing import Parser
from pairloom.cli.runs import runs
from pairloom.cli.serve import serve
from pairloom.cli.share import import_, push
from pairloom.cli.terminal import drop_output, open_streams, printable, told
from pairloom.cli.train import demo, train
from pairloom.errors import UserError, did_you_mean, is_out_of_memory

EXIT_MISTAKE = 2
EXIT_SIGNAL = 128
"""What a shell adds to the number of the signal that ended a program."""
EXIT_INTERRUPTED = EXIT_SIGNAL + 2
EXIT_BROKEN_PIPE = EXIT_SIGNAL + 13

SMALLER = "lower --batch-size, --size or --model.width"

SUMMARIES = {
    "demo": "generate street scenes, train a small model, print the path of the report",
    "check": "check every pair of a data set and name each problem with its file",
    "train": "train on the pairs in a folder, or resume a run",
    "evaluate": "score a model on the pairs of a split",
    "runs": "list runs: how far each has come, and its best score",
    "compare": "score runs on the same pairs, with confidence intervals",
    "translate": "translate images and videos",
    "export": "write a model for other runtimes (onnx, torch, web), compared with PyTorch",
    "push": "publish a model on the Hugging Face Hub",
    "import": "convert a generator of pytorch-CycleGAN-and-pix2pix into a model folder",
    "serve": "serve a model as a web page and an HTTP API",
    "data": "generate or fetch data sets: streets, camvid",
    "completion": "print a script that completes commands and options in the shell",
}
COMMANDS: Mapping[str, Callable[[list[str]], int | None]] = {
    "demo": demo,
    "check": check,
    "train": train,
    "evaluate": evaluate,
    "runs": runs,
    "compare": compare,
    "translate": translate,
    "export": export,
    "push": push,
    "import": import_,
    "serve": serve,
    "data": data,
    "completion": lambda words: completion(words, SUMMARIES, DATA_KINDS),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 for success, 2 for a user error or for data with problems, 130 after Ctrl-C, 143 after SIGTERM, 129 after
    SIGHUP, 138 after SIGUSR1, 141 if the output is closed.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    open_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # So that a log file shows how far a long run has come, and names of any bytes can be printed.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    code = _run(words)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # `pairloom ... | head`
        drop_output()
        return code or EXIT_BROKEN_PIPE
    except OSError as error:
        drop_output()
        return code or _complain(f"the output {told(error)}")
    return code


def _run(words: list[str]) -> int:
    try:
        command, rest = _command(words)
        return COMMANDS[command](rest) or 0
    except UserError as error:
        return _complain(str(error))
    except BrokenPipeError:
        return EXIT_BROKEN_PIPE
    except OSError as error:  # a folder that cannot be written, a full disk
        return _complain(told(error))
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            return _complain(f"out of memory; {SMALLER}")
        raise
    except KeyboardInterrupt as error:
        print("pairloom: stopped", file=sys.stderr)
        return EXIT_SIGNAL + getattr(error, "signal", 2)


def _complain(message: str) -> int:
    print(f"pairloom: {printable(message)}", file=sys.stderr)
    return EXIT_MISTAKE


def _command(words: list[str]) -> tuple[str, list[str]]:
    """Split the command line into the command and its arguments; handle --help and --version."""
    commands = "\n".join(f"  {command:<10} {summary}" for command, summary in SUMMARIES.items())
    parser = Parser(
        "",
        usage="pairloom COMMAND ...",
        description="Train and use image-to-image translation models from pairs.",
        epilog=f"commands:\n{commands}\n\npairloom COMMAND --help describes each command.",
    )
    parser.add_argument("--version", action="version", version=f"pairloom {__version__}")
    if words and words[0] in SUMMARIES:
        return words[0], words[1:]
    if words and not words[0].startswith("-"):
        meant = did_you_mean(words[0], SUMMARIES) or f"commands: {', '.join(SUMMARIES)}"
        raise UserError(f"unknown command {words[0]!r}; {meant}")
    parser.parse_args(words or ["--help"])
    raise UserError("no command given; see pairloom --help")

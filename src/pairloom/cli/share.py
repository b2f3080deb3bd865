"""`pairloom push` and `pairloom import`."""

from pathlib import Path

from pairloom.cli.parsing import Parser


def push(words: list[str]) -> None:
    """Publish a model."""
    parser = Parser(
        "push",
        description="Publish the model of a run on a model hub: the Hugging Face Hub, or a server of its kind that\n"
        "HF_ENDPOINT names. Weights, config.json and the card (README.md) are sent, and nothing else.\n"
        "Log in before, with `hf auth login` or the variable HF_TOKEN. Needs pip install 'pairloom[hub]'.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder or model folder")
    parser.add_argument("name", metavar="USER/NAME", help="where to; a new commit where it exists already")
    parser.add_argument("--private", action="store_true", help="let the new model be seen by its owner alone")
    parser.add_argument(
        "--message", default="Model trained with Pairloom", help="of the commit (default: Model trained with Pairloom)"
    )
    options = parser.parse_args(words)

    from pairloom.api import push

    print(f"Published: {push(options.run, options.name, private=options.private, message=options.message)}")

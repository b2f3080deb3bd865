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


def import_(words: list[str]) -> None:
    """Turn a generator from elsewhere into a model folder."""
    parser = Parser(
        "import",
        description="Read a U-Net generator that pytorch-CycleGAN-and-pix2pix has trained (--netG unet_128 or\n"
        "unet_256) into a model folder, and print how closely it agrees. Nothing in the file is executed.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="its weights: latest_net_G.pth")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="model folder to be made")
    parser.add_argument(
        "--inference",
        choices=("train", "eval"),
        default="train",
        help="train (default) keeps batch statistics and dropout in use, as their test.py does; eval takes the\n"
        "statistics of the training, as their --eval does",
    )
    parser.add_argument("--no-dropout", action="store_true", help="it was trained with their --no_dropout")
    parser.add_argument("--size", metavar="H[xW]", help="their --crop_size (default: 128 or 256, by the network)")
    parser.add_argument(
        "--palette", metavar="NAME", help="read its colours as classes: a built-in palette, or a YAML file"
    )
    options = parser.parse_args(words)

    from pairloom.exporters.cyclegan_import import SOURCES, VISIBLE, import_generator

    imported = import_generator(
        options.file,
        options.out,
        inference=options.inference,
        dropout=not options.no_dropout,
        size=options.size,
        palette=options.palette,
    )
    config = imported.model.config
    print(f"U-Net of width {config.width} and depth {config.depth}, norm {config.norm}: written to {imported.folder}")
    print(
        f"Largest difference from the file's own network on {SOURCES} random pictures of {imported.model.size}: "
        f"{imported.largest_difference:.1e} (values from -1 to 1, {config.inference} mode, dropout off)"
    )
    if imported.largest_difference > VISIBLE:
        print("Its values are so large that rounding shows; in double precision the two agree to 1e-6.")

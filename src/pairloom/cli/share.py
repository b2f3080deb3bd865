"""`pairloom push` and `pairloom import`."""

from pathlib import Path

from pairloom.cli.parsing import Parser


def push(words: list[str]) -> None:
    """Publish a model."""
    parser = Parser(
        "push",
        description="Publish a model on the Hugging Face Hub, or on the server of HF_ENDPOINT. Only weights,\n"
        "config.json and the model card (README.md) are sent. Log in first: `hf auth login`, or set HF_TOKEN. Needs\n"
        "pip install 'pairloom[hub]'.",
        epilog="example: pairloom push runs/first you/streets --private",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder or model folder")
    parser.add_argument("name", metavar="USER/NAME", help="model on the Hub; a new commit if it exists")
    parser.add_argument("--private", action="store_true", help="make the new model visible to its owner only")
    parser.add_argument(
        "--message", default="Model trained with Pairloom", help="commit message (default: Model trained with Pairloom)"
    )
    options = parser.parse_args(words)

    from pairloom.api import push

    print(f"Published: {push(options.run, options.name, private=options.private, message=options.message)}")


def import_(words: list[str]) -> None:
    """Convert a generator of pytorch-CycleGAN-and-pix2pix into a model folder."""
    parser = Parser(
        "import",
        description="Convert a U-Net generator of pytorch-CycleGAN-and-pix2pix (--netG unet_128 or unet_256) into a\n"
        "model folder, and print the largest difference. Nothing in the file is executed.",
        epilog="example: pairloom import latest_net_G.pth --out imported",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="weights of the generator, such as latest_net_G.pth")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="model folder to create")
    parser.add_argument(
        "--inference",
        choices=("train", "eval"),
        default="train",
        help="batch norm and dropout at inference: train (default) uses batch statistics and dropout, as their "
        "test.py; eval uses running statistics, as their --eval",
    )
    parser.add_argument("--no-dropout", action="store_true", help="the generator was trained with their --no_dropout")
    parser.add_argument(
        "--size",
        metavar="H[xW]",
        help="size of the network input, their --crop_size (default: 128 or 256, by the network)",
    )
    parser.add_argument(
        "--palette", metavar="NAME", help="read output colours as classes: a built-in palette, or a YAML file"
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
    print(f"{config.generator_name}, norm {config.norm}: written to {imported.folder}")
    print(
        f"Largest difference from the file's own network on {SOURCES} random pictures of {imported.model.size}: "
        f"{imported.largest_difference:.1e} (values from -1 to 1, {config.inference} mode, dropout off)"
    )
    if imported.largest_difference > VISIBLE:
        print("The difference is rounding of large values; in double precision both agree to 1e-6.")

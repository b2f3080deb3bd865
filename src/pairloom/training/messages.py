"""What training says on the terminal: how it begins, how each epoch went, and why it has ended."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn

from pairloom import __version__
from pairloom.config import Experiment, TrainConfig
from pairloom.data.layouts.tree import counted
from pairloom.evaluation.history import EpochRecord, is_out_of_patience
from pairloom.models.layers import count_parameters
from pairloom.models.translation import describe_size
from pairloom.run import RunFolder
from pairloom.setting_changes import describe_settings
from pairloom.training.distributed import DistributedContext


def environment(context: DistributedContext) -> dict[str, str]:
    """Return what else than the settings may alter the last bits of a result."""
    device = context.fabric.device
    cpu = f"cpu {torch.backends.cpu.get_cpu_capability()}"
    return {
        "version": f"pairloom {__version__}, torch {torch.__version__}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else cpu,
        "precision": context.precision,
        "threads": str(torch.get_num_threads()),
    }


def banner(
    experiment: Experiment,
    environment: Mapping[str, str],
    modules: Mapping[str, nn.Module],
    run: RunFolder,
    *,
    pairs: int,
    validation_pairs: int,
    steps: int,
) -> Iterator[str]:
    """Say in a few lines what is going to be trained, on what, for how long, and where the report is.

    Args:
        experiment: the resolved experiment.
        environment: see `environment`.
        modules: the networks by name.
        run: the run.
        pairs: number of training pairs.
        validation_pairs: number of validation pairs.
        steps: number of steps in an epoch.
    """
    data, train = experiment.data, experiment.train
    trained = [name for name in modules if name != "discriminator" or experiment.loss.adversarial_weight]
    parameters = ", ".join(f"{name} {count_parameters(modules[name]):,}" for name in trained)
    size = describe_size(experiment.input_size, None if data.crop is None else data.scale)
    yield ", ".join(
        [
            environment["version"],
            f"{environment['device']} ({environment['threads']} threads)",
            environment["precision"],
        ]
    )
    yield f"settings: {describe_settings(experiment)}"
    yield f"model: {experiment.model.generator_name}; parameters: {parameters}"
    yield (
        f"training: {counted(pairs, 'pair')} at {size}, {counted(train.epochs, 'epoch')} of {counted(steps, 'step')}, "
        f"batch size {train.batch_size}; {counted(validation_pairs, 'pair')} for validation"
    )
    yield f"report: {run.report / 'index.html'}"


def epoch_line(record: EpochRecord, epochs: int) -> str:
    """Return the line about an epoch that has ended."""
    words = [f"epoch {record['epoch']}/{epochs}", f"{record['seconds']['data'] + record['seconds']['steps']:.0f} s"]
    scores = record.get("validation")
    if scores and "mean_iou" in scores:
        words.append(f"mean IoU {scores['mean_iou'] or 0:.3f}")
    elif scores:
        words.append(f"validation L1 {scores['l1'] or 0:.3f}")
    return "  ".join([*words, *(f"{name} {loss:.3f}" for name, loss in record["losses"].items())])


def why_finished(history: Sequence[EpochRecord], config: TrainConfig) -> str:
    """Say what has ended a finished run, and how to train longer."""
    done = f"{len(history)} of {counted(config.epochs, 'epoch')}"
    if len(history) >= config.epochs:
        return f"{done}; train longer with --epochs {2 * config.epochs}"
    if is_out_of_patience(history, config.patience):
        return f"{done}; no better model in {counted(config.patience or 0, 'validation')} (train.patience)"
    return f"{done}; another would not fit into {config.minutes:g} minutes (train.minutes in the run's config.yaml)"

"""What ``aisle evaluate --cross-validate`` and ``--finetune`` run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from aisle.cli.catalog_options import CatalogOptions
from aisle.cli.encoder_options import read_encoders
from aisle.cli.finetune_options import choose_finetuning
from aisle.cli.train import Extra, read_extra, say_bad_rows

if TYPE_CHECKING:
    from aisle.catalog import Catalog
    from aisle.product import Product
    from aisle.settings import Settings
    from aisle.train import TrainingOptions
    from aisle.train.tuner import FinetuneTrial

_MOST_PROCESSES = 8


@dataclass(frozen=True)
class Finetuning:
    """How encoders are tuned in every fold, as typed."""

    wanted: bool
    modality: str | None
    joint: bool
    pretune: Sequence[Path]
    epochs: int | None
    validation: float | None
    batch: int | None
    device: str | None
    seed: int

    def check(self) -> None:
        """Refuse options that mean nothing without ``--finetune``."""
        only = {"--modality": self.modality, "--joint": self.joint or None, "--pretune": self.pretune or None,
                "--epochs": self.epochs, "--validation": self.validation, "--batch": self.batch,
                "--device": self.device}  # fmt: skip
        typed = [name for name, value in only.items() if value is not None]
        if typed and not self.wanted:
            raise typer.BadParameter("only with --finetune", param_hint=typed[0])


@dataclass(frozen=True)
class CrossValidation:
    """What is asked of a catalogue without an engine."""

    level: int | None
    folds: int
    repeats: int
    grouped: bool
    extra: Sequence[Path]
    seed: int
    encoders: tuple[str | None, str | None]
    finetuning: Finetuning

    def run(self, options: CatalogOptions) -> tuple["Catalog", dict[str, Any], dict[str, str]]:
        """Return the catalogue, the figures and the plots."""
        from aisle.settings import Settings

        settings = Settings.load()
        tuning = self._tuning()  # what is missing is said before the catalogue is read
        if tuning is not None:
            from aisle.finetune.run import check_start

            check_start(tuning, settings)
        encoders = read_encoders(*self.encoders, settings)
        products = options.read()
        others, first = read_extra(self.extra), read_extra(self.finetuning.pretune)
        from aisle.engine.gather import DEFAULT_ENCODERS
        from aisle.train import TrainingOptions
        from aisle.train.card.plots import folds_plot
        from aisle.train.tuner import FinetuneTrial

        training = TrainingOptions(level=self.level, seed=self.seed, encoders=encoders or DEFAULT_ENCODERS)
        if tuning is None:
            found = self._frozen(products.products, others.products, training, settings)
        else:
            trial = FinetuneTrial(finetune=tuning, pretune=first.products)
            found = self._tuned(products.products, others.products, training, trial, settings)
        bad = {"catalog": len(products.bad_rows), "extra": _sum(others), "pretune": _sum(first)}
        say_bad_rows((*others.bad_rows, *first.bad_rows))
        return products, {"catalog": products.source, **found, "bad_rows": bad}, {"accuracy": folds_plot(found)}

    def _tuning(self) -> Any:
        asked = self.finetuning
        if not asked.wanted:
            return None
        text, photo = self.encoders
        return choose_finetuning(
            modality=asked.modality,
            joint=asked.joint,
            pretune=bool(asked.pretune),
            epochs=asked.epochs,
            validation=asked.validation,
            batch=asked.batch,
            device=asked.device,
            seed=asked.seed,
            level=self.level,
            text_encoder=text,
            photo_encoder=photo,
        )

    def _frozen(
        self,
        products: "Sequence[Product]",
        others: "Sequence[Product]",
        training: "TrainingOptions",
        settings: "Settings",
    ) -> dict[str, Any]:
        from aisle.train import cross_validate

        return cross_validate(
            products,
            options=training,
            folds=self.folds,
            repeats=self.repeats,
            grouped=self.grouped,
            extra=others,
            processes=min(settings.threads, _MOST_PROCESSES),
            settings=settings,
        )

    def _tuned(
        self,
        products: "Sequence[Product]",
        others: "Sequence[Product]",
        training: "TrainingOptions",
        trial: "FinetuneTrial",
        settings: "Settings",
    ) -> dict[str, Any]:
        from aisle.train.finetuned import cross_validate_finetuned

        found = cross_validate_finetuned(
            products,
            trial,
            options=training,
            folds=self.folds,
            repeats=self.repeats,
            grouped=self.grouped,
            extra=others,
            settings=settings,
            say=lambda line: typer.echo(line, err=True),
        )
        kept = settings.cache_dir / "finetune"
        typer.echo(f"The encoders of the folds are kept in {kept}, for the same command; it may be removed.", err=True)
        return found


def _sum(extra: Extra) -> int:
    return sum(count for _, count in extra.bad_rows)

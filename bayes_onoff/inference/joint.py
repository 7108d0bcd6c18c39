"""From the spectra of several instruments and one model to a posterior."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from bayes_onoff.errors import InputError
from bayes_onoff.inference.analysis import printed_quantities, require_shape
from bayes_onoff.inference.convergence import judge_convergence
from bayes_onoff.inference.fit_data import FitData
from bayes_onoff.inference.instrument import SEPARATOR, Instrument, require_instruments
from bayes_onoff.inference.joint_posterior import JointPosterior
from bayes_onoff.inference.population import Population
from bayes_onoff.inference.posterior import Posterior
from bayes_onoff.inference.posterior_tree import N_PRIOR_DRAWS, natural_draws, posterior_tree, random_streams
from bayes_onoff.inference.pymc_model import Block, build_joint_model, joint_arrays
from bayes_onoff.inference.sampling import CompiledModel, Samples, compile_model
from bayes_onoff.inference.settings import SamplerSettings
from bayes_onoff.models import SpectralModel
from bayes_onoff.spectra import Spectra

__all__ = ["CompiledJoint", "compile_joint", "fit_joint"]


@dataclass(frozen=True, eq=False, slots=True)
class CompiledJoint:
    """One spectral model with several instruments, compiled for data of their shapes: fit many data sets with it.

    Parameters
    ----------
    model : SpectralModel
    instruments : mapping of str to Instrument
        Their backgrounds and systematics stay; their spectra are those it was compiled for.
    compiled : CompiledModel
    among : Population, optional
        From which a factor on the flux of each instrument is drawn.
    """

    model: SpectralModel
    instruments: Mapping[str, Instrument]
    compiled: CompiledModel
    among: Population | None = None

    def fit(
        self,
        settings: SamplerSettings | None = None,
        *,
        spectra: Mapping[str, Spectra] | None = None,
        progress: bool = True,
    ) -> JointPosterior:
        """Sample the posterior without compiling anew.

        Parameters
        ----------
        settings : SamplerSettings, optional
        spectra : mapping of str to Spectra, optional
            Other spectra of some of the instruments, of the same shape.
        progress : bool
            Show a progress bar.

        Raises
        ------
        InputError
            If spectra belong to no instrument, differ in shape from those compiled for, or no bin is left.
        """
        settings = settings or SamplerSettings()
        instruments = self._with_spectra(spectra or {})
        data = {name: FitData.from_spectra(instrument.spectra) for name, instrument in instruments.items()}
        arrays: dict[str, Any] = {}
        for name, instrument in instruments.items():
            require_shape(data[name], FitData.from_spectra(self.instruments[name].spectra), f"spectra of {name}")
            block = Block(data[name], instrument.background, instrument.systematics)
            own = joint_arrays(block, self.model, scattered=self.among is not None)
            arrays |= {f"{name}{SEPARATOR}{key}": array for key, array in own.items()}
        self.compiled.set_data(arrays)
        samples = self.compiled.sample(settings, progress=progress)
        return self._posterior(instruments, data, samples, settings)

    def _with_spectra(self, spectra: Mapping[str, Spectra]) -> dict[str, Instrument]:
        for name in spectra:
            if name not in self.instruments:
                raise InputError("no such instrument", place="spectra", found=name, allowed=", ".join(self.instruments))
        return {
            name: Instrument(spectra.get(name, known.spectra), known.background, known.systematics)
            for name, known in self.instruments.items()
        }

    def _posterior(
        self,
        instruments: Mapping[str, Instrument],
        data: Mapping[str, FitData],
        samples: Samples,
        settings: SamplerSettings,
    ) -> JointPosterior:
        _, _, prior_rng = random_streams(settings.seed)
        prior = {name: stated.draw(prior_rng, (1, N_PRIOR_DRAWS)) for name, stated in self.model.priors.items()}
        if self.among is not None:
            prior["scatter"] = self.among.scatter.draw(prior_rng, (1, N_PRIOR_DRAWS))
        trees: dict[str, xr.DataTree] = {}
        quantities: dict[str, Any] = {}
        for index, (name, instrument) in enumerate(instruments.items()):
            streams = random_streams([settings.seed, index + 1])
            own = _of_instrument(samples, name, self.model)
            draws = natural_draws(own, data[name], self.model, instrument, streams[0])
            quantities |= printed_quantities(draws, data[name], f"{name}{SEPARATOR}")
            trees[name] = posterior_tree(
                draws, data[name], self.model, instrument, samples.sample_stats, streams, prior
            )
        convergence = judge_convergence(xr.Dataset(quantities), samples.sample_stats)
        return JointPosterior(
            {
                name: Posterior(
                    trees[name],
                    self.model,
                    instrument.background,
                    settings,
                    convergence,
                    instrument.systematics,
                    together_with=tuple(other for other in instruments if other != name),
                )
                for name, instrument in instruments.items()
            },
            self.among,
        )


def _of_instrument(samples: Samples, name: str, model: SpectralModel) -> Samples:
    """Give the shared variables and those of one instrument, by the names they have where it is alone."""
    prefix = f"{name}{SEPARATOR}"
    names = (*model.parameter_names, "scatter")
    shared = {key: samples.variables[key] for key in names if key in samples.variables}
    own = {key.removeprefix(prefix): draws for key, draws in samples.variables.items() if key.startswith(prefix)}
    return Samples({**shared, **own}, samples.sample_stats)


def compile_joint(
    instruments: Mapping[str, Instrument], model: SpectralModel, among: Population | None = None
) -> CompiledJoint:
    """Build and compile the model of one spectrum seen by several instruments.

    The spectral parameters are shared; run levels, background shape, learned scales and systematics are each
    instrument's own.

    Parameters
    ----------
    instruments : mapping of str to Instrument
        By name; letters, digits, hyphens and underscores.
    model : SpectralModel
    among : Population, optional
        As for `fit_joint`.

    Raises
    ------
    InputError
        If there is no instrument or a name is no word, no bin of one is left to fit, the model is no spectrum, a
        shape is to come from a background response that a run does not have, or there is no population of one.
    """
    model.require_spectrum()
    require_instruments(instruments)
    if among is not None:
        _require_population(among, instruments)
    blocks = {
        name: Block(FitData.from_spectra(instrument.spectra), instrument.background, instrument.systematics)
        for name, instrument in instruments.items()
    }
    uncertain = any(instrument.systematics for instrument in instruments.values())
    compiled = compile_model(build_joint_model(blocks, model, among), correlated=uncertain)
    return CompiledJoint(model, dict(instruments), compiled, among)


def _require_population(among: Population, instruments: Mapping[str, Instrument]) -> None:
    if len(instruments) < 2:
        raise InputError(
            "one instrument has none to differ from", place="among", found=", ".join(instruments), allowed="two or more"
        )
    if among.index_scatter is not None:
        raise InputError(
            "instruments differ in their flux alone",
            place="among.index_scatter",
            allowed="none; a scale of energies is `Systematics(energy_scale=...)`",
        )


def fit_joint(
    instruments: Mapping[str, Instrument],
    model: SpectralModel,
    settings: SamplerSettings | None = None,
    *,
    among: Population | None = None,
    progress: bool = True,
) -> JointPosterior:
    """Sample the posterior of one spectral model given several instruments.

    Parameters
    ----------
    instruments : mapping of str to Instrument
        By name; each with its own axes, runs, background and systematics.
    model : SpectralModel
        Shape and priors.
    settings : SamplerSettings, optional
        4 chains of 1000 draws after 1000 steps of tuning by default.
    among : Population, optional
        Do they agree? The flux of each instrument is then the spectrum times a factor, log-normal with mean 1 and a
        standard deviation `scatter` that is learned (`flux_factor` and `scatter` of each instrument's posterior;
        `instrument_agreement`). By default all see the same flux.
    progress : bool
        Show a progress bar.

    Returns
    -------
    JointPosterior
        Its `convergence` says whether the numbers can be used.

    Raises
    ------
    InputError
        As `compile_joint`.
    """
    return compile_joint(instruments, model, among).fit(settings, progress=progress)

"""The group that holds the commands."""

import click

from bayes_onoff import __version__
from bayes_onoff.app.cli import analyses, data, posteriors
from bayes_onoff.app.cli.conduct import RefusingGroup

__all__ = ["main"]


@click.group(
    cls=RefusingGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done, 2 an input was refused, 3 the sampling did not converge.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Bayesian gamma-ray ON/OFF spectra: from DL3 files to a posterior.

    \b
    Examples:
      bayes-onoff quickstart                          simulated runs, analysed like any other data
      bayes-onoff init hess-dl3-dr1 --source Crab     a configuration for runs of one's own
      bayes-onoff run crab-nebula.yaml                reduction, posterior, products, report
      bayes-onoff run crab-nebula.yaml --resume       go on after an interruption
      bayes-onoff products posterior.nc --bands 1TeV,10TeV,4
    """


for _command in (
    *(analyses.quickstart, data.inspect, data.init, analyses.run, analyses.reduce, analyses.fit),
    *(posteriors.products, posteriors.compare, analyses.calibrate),
    *(data.simulate, data.download, data.schema),
):
    main.add_command(_command)

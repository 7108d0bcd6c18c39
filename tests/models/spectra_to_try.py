"""Every shape at values away from its defaults, and what gammapy 2.1 gives for them."""

from bayes_onoff.models import NormNodes, SpectralModel, TemplateSpectrum, UnfoldingNodes

REFERENCE = 2.0
ENERGY = (0.1, 0.7, 1.0, 3.0, 20.0)
"""TeV."""

GAMMAPY: dict[str, tuple[dict[str, float], list[float]]] = {
    "constant": ({"const": 3e-11}, [3e-11, 3e-11, 3e-11, 3e-11, 3e-11]),
    "power-law": (
        {"amplitude": 3e-11, "index": 2.3},
        [2.947747263e-08, 3.355558022e-10, 1.477373296e-10, 1.180623324e-11, 1.503561701e-13],
    ),
    "power-law-norm": (
        {"norm": 1.7, "tilt": 0.3},
        [4.175975289, 2.329316527, 2.092945503, 1.505294739, 0.8520182972],
    ),
    "power-law-2": (
        {"amplitude": 4e-11, "index": 2.3, "emin": 0.5, "emax": 50},
        [4.224318159e-09, 4.808738138e-11, 2.117174332e-11, 1.691911858e-12, 2.15470406e-14],
    ),
    "broken-power-law": (
        {"amplitude": 3e-11, "index1": 1.8, "index2": 3.1, "ebreak": 0.9},
        [1.565877456e-09, 4.716081479e-11, 2.164078618e-11, 7.18120202e-13, 2.004841518e-15],
    ),
    "smooth-broken-power-law": (
        {"amplitude": 3e-11, "index1": 1.8, "index2": 3.1, "ebreak": 0.9, "beta": 0.4},
        [6.589276337e-09, 1.714865463e-10, 7.3499962e-11, 2.999007669e-12, 8.438985328e-15],
    ),
    "exp-cutoff-power-law": (
        {"amplitude": 3e-11, "index": 1.8, "lambda_": 0.15},
        [6.493230646e-09, 1.787301642e-10, 8.991477765e-11, 9.219863079e-12, 2.367215572e-14],
    ),
    "super-exp-cutoff-power-law": (
        {"amplitude": 3e-11, "index": 1.8, "lambda_": 0.15, "alpha": 0.6},
        [6.081712694e-09, 1.532739055e-10, 7.582970913e-11, 7.78362758e-12, 6.879406305e-14],
    ),
    "exp-cutoff-power-law-norm": (
        {"norm": 1.7, "index": 0.2, "lambda_": 0.15, "alpha": 0.6},
        [2.855653919, 1.619215905, 1.417486932, 0.8438314922, 0.1551953222],
    ),
    "exp-cutoff-power-law-3fgl": (
        {"amplitude": 3e-11, "index": 1.8, "ecut": 7},
        [8.646795298e-09, 2.390305795e-10, 1.205083987e-10, 1.253472815e-11, 3.633825059e-14],
    ),
    "super-exp-cutoff-power-law-3fgl": (
        {"amplitude": 3e-11, "index_1": 1.8, "index_2": 0.7, "ecut": 7},
        [9.494526913e-09, 2.465112249e-10, 1.225851647e-10, 1.261403282e-11, 8.958014587e-14],
    ),
    "super-exp-cutoff-power-law-4fgl": (
        {"amplitude": 3e-11, "index_1": 1.8, "index_2": 0.7, "expfactor": 2e-05},
        [1.0354777e-08, 2.595284786e-10, 1.273344368e-10, 1.221125947e-11, 6.0246999e-14],
    ),
    "super-exp-cutoff-power-law-4fgl-dr3": (
        {"amplitude": 3e-11, "index_1": 1.8, "index_2": 0.7, "expfactor": 0.2},
        [4.006300302e-09, 1.818805964e-10, 1.00256265e-10, 1.420008103e-11, 1.785166788e-13],
    ),
    "log-parabola": (
        {"amplitude": 3e-11, "alpha": 2.2, "beta": 0.1},
        [8.904991115e-09, 2.705869278e-10, 1.313776339e-10, 1.209429614e-11, 1.113942427e-13],
    ),
    "log-parabola-2": (
        {"amplitude": 3e-11, "alpha": 2.2, "beta": 0.1, "escale": 0.5},
        [1.348945939e-08, 3.129769843e-10, 1.446282244e-10, 1.143323596e-11, 8.09530674e-14],
    ),
    "log-parabola-norm": (
        {"norm": 1.7, "alpha": 0.2, "beta": 0.1},
        [1.261540408, 1.878324257, 1.861183147, 1.542022758, 0.6312340421],
    ),
    "gaussian": (
        {"amplitude": 2e-12, "mean": 0.8, "sigma": 0.3},
        [1.74812594e-13, 2.515888185e-12, 2.12965337e-12, 5.586280487e-24, 0],
    ),
    "piecewise-norm": (
        {"norm_0": 0.5, "norm_1": 2, "norm_2": 0.8},
        [0.5, 1.32638842, 2.0, 1.29170803, 0.8],
    ),
    # Not in gammapy: frozen; tests/models/test_unfolding.py says what it must be.
    "unfolded": (
        {"amplitude": 3e-11, "index": 2.3, "roughness": 0.6, "bend_1": -1.2, "bend_2": 0.7},
        [1.05034379e-08, 3.87062373e-10, 2.11358051e-10, 1.23682621e-11, 7.43472151e-14],
    ),
    "template": (
        {"norm": 1.0, "tilt": 0.0},
        [8.04808864e-10, 3.22180090e-11, 2.0e-11, 1.14691668e-12, 3.44022536e-15],
    ),
}

TABLES = {
    "piecewise-norm": NormNodes((0.3, 1, 10)),
    "unfolded": UnfoldingNodes((0.3, 1, 3, 10), (2.0, 3.0, 2.0, 1.0)),
    "template": TemplateSpectrum((0.05, 0.3, 1, 10, 50), (3e-9, 1e-10, 2e-11, 5e-14, 1e-16), "made up"),
}


def free_model(shape: str, name: str = "") -> SpectralModel:
    """A model of which every parameter is free."""
    table = TABLES.get(shape)
    plain = SpectralModel(shape, table=table)
    priors = {parameter.name: parameter.prior for parameter in plain.all_parameters}
    return SpectralModel(shape, REFERENCE, priors, name=name, table=table)

"""Print flux points as gammapy reads them, as JSON: ``read_flux_points.py FLUX_POINTS``.

Run by an interpreter that has gammapy; see `tests/app/test_run.py`.
"""

import json
import sys

from gammapy.estimators import FluxPoints

points = FluxPoints.read(sys.argv[1], format="gadf-sed", sed_type="dnde")
names = ("dnde", "dnde_errn", "dnde_errp", "dnde_ul", "e2dnde")
found = {name: getattr(points, name).quantity.squeeze() for name in names}
units = {"e2dnde": "TeV cm-2 s-1"}
values = {name: quantity.to_value(units.get(name, "TeV-1 cm-2 s-1")).tolist() for name, quantity in found.items()}
values |= {"e_ref": points.energy_ref.to_value("TeV").tolist(), "is_ul": points.is_ul.data.squeeze().tolist()}
sys.stdout.write(json.dumps(values))

#!/usr/bin/env bash
# NLopt 2.11.0 (PyPI): how many times a search calls the objective, and how it says that it has found the least value.
#
# Expected: never more calls than set_maxeval() says, by whichever algorithm; a search that cannot get nearer returns.
# Seen, on a parabola over the unit cube with maxeval 100 and no tolerances:
#   GN_ORIG_DIRECT_L calls 117 times in one dimension, 109 in two, 105 in six: it looks at the count between its rounds;
#   GN_CRS2_LM calls more than 100 times in six dimensions; GN_DIRECT_L, GN_DIRECT, LN_BOBYQA, LN_SBPLX stop at 100
#   LN_BOBYQA in one dimension ends with the exception RoundoffLimited after fewer calls, at the least value to 1e-12: Python's
#   optimize() then returns no point at all, while last_optimum_value() is right
# So a budget of evaluations that must hold has to be counted by the objective itself, and so has the best point.
#
# Needs python3 with venv, and PyPI; installs nothing outside a temporary folder. Fails if something else is seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q nlopt==2.11.0 numpy==2.4.6

env/bin/python - <<'CODE'
import nlopt
import numpy

MOST = 100


def search(name, dimensions):
    """Calls, how it ended, and how far from 0 the least value is that NLopt tells."""
    calls = 0

    def parabola(x, _gradient):
        nonlocal calls
        calls += 1
        return float(numpy.sum((x - 0.3) ** 2 * numpy.arange(1, dimensions + 1)))

    nlopt.srand(1)
    run = nlopt.opt(getattr(nlopt, name), dimensions)
    run.set_lower_bounds([0] * dimensions)
    run.set_upper_bounds([1] * dimensions)
    run.set_maxeval(MOST)
    run.set_min_objective(parabola)
    try:
        run.optimize([0.9] * dimensions)
        end = "returned"
    except nlopt.RoundoffLimited:
        end = "RoundoffLimited"
    print(f"{name}, {dimensions} dimensions: {calls} calls, {end}, least value {run.last_optimum_value():.1e}")
    return calls, end, run.last_optimum_value()


for dimensions, calls in ((1, 117), (2, 109), (6, 105)):
    assert search("GN_ORIG_DIRECT_L", dimensions)[:2] == (calls, "returned")
assert search("GN_CRS2_LM", 6)[0] > MOST
for name in ("GN_DIRECT_L", "GN_DIRECT", "LN_BOBYQA", "LN_SBPLX"):
    assert search(name, 6)[:2] == (MOST, "returned")
calls, end, least = search("LN_BOBYQA", 1)
assert calls < MOST and end == "RoundoffLimited" and least < 1e-12
CODE

"""What a run, or a comparison of runs, shows people: pictures, curves, and pages that open from disk."""

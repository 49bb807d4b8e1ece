import argparse

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--out")
args = parser.parse_args()
np.random.seed(1)
np.save(args.out, np.random.randn(64, 3).astype(np.float32))
print("prepared", args.out)

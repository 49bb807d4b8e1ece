#!/bin/sh
# Prepares the data, then trains on them.
set -e
mkdir -p data
python prepare.py --out data/points.npy
python fit.py --data "$PWD/data/points.npy" --out "$PWD/fitted.pt"

#!/bin/sh
# The rebuild test from cron: silent while all is well, so that cron sends mail only when a bundle no longer reproduces.
#   17 3 * * * REPRO_PROJECT=/srv/model /srv/model/ci/replay.sh
# REPRO_PROJECT: the project's directory. REPRO_BUNDLES, REPRO_DUE (days), REPRO_PYTHON: see the defaults below.
set -eu
cd "${REPRO_PROJECT:?the directory of the project}"
said=$(mktemp)
trap 'rm -f "$said"' EXIT
mkdir -p .reprokit
# One at a time: a replay that takes longer than the interval must not meet its successor.
exec 9>.reprokit/cron.lock
if ! flock -n 9; then
  echo "an earlier rebuild of $REPRO_PROJECT is still running" >&2
  exit 1
fi
status=0
"${REPRO_PYTHON:-python3}" -m pytest "${REPRO_BUNDLES:-bundles/}" --repro=record "--repro-due=${REPRO_DUE:-7}" \
  --repro-report=json=.reprokit/report.json >"$said" 2>&1 || status=$?
if [ "$status" != 0 ]; then cat "$said"; fi
exit "$status"

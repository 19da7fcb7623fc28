#!/bin/sh
# Tests one service: run_perf_test.sh [SERVICE [load|stress [USERS [DURATION]]]], further options after them.
#
#   ./scripts/run_perf_test.sh pkd_service load 10 60      10 users for 60 seconds
#   ./scripts/run_perf_test.sh ui_app stress 50 180        up to 50 users within 180 seconds
#   ./scripts/run_perf_test.sh all load 5 30               all services, one after another
#
# The exit code is that of the test. In CI (CI=true or GITHUB_ACTIONS=true) a load test that passed is held against the
# thresholds of its service as well, see validate_performance_thresholds.py.
set -u

cd "$(dirname "$0")/.." || exit 3

usage() {
  sed -n '2,6s/^# \{0,1\}//p' scripts/run_perf_test.sh
}

if [ -z "${PYTHON:-}" ]; then
  PYTHON=python3
  if [ -n "${VIRTUAL_ENV:-}" ]; then
    PYTHON=python
  elif [ -x ../../../../.venv/bin/python ]; then
    PYTHON=../../../../.venv/bin/python
  fi
fi

if ! "$PYTHON" -c 'import loadproof' >/dev/null 2>&1; then
  echo "❌ Loadproof is not installed for $PYTHON" >&2
  echo "   try: activate its virtual environment, or name its interpreter: PYTHON=..." >&2
  exit 3
fi

case "${1:-}" in -h | --help) usage; exit 0 ;; esac
service=${1:-pkd_service}
kind=${2:-load}
case "$kind" in
  load) users=${3:-10} duration=${4:-60} ;;
  stress) users=${3:-100} duration=${4:-300} ;;
  *)
    echo "❌ $kind is not a type of test: load or stress" >&2
    usage >&2
    exit 2
    ;;
esac
shift $(($# < 4 ? $# : 4))

if [ "$kind" = stress ]; then
  exec "$PYTHON" scripts/performance_test.py stress "$service" --max-users "$users" --ramp-up "$duration" "$@"
fi
set -- "$PYTHON" scripts/performance_test.py load "$service" --users "$users" --duration "$duration" "$@"
if [ "${CI:-}" != true ] && [ "${GITHUB_ACTIONS:-}" != true ] || [ "$service" = all ]; then
  exec "$@"
fi
"$@" || exit $?
exec "$PYTHON" scripts/validate_performance_thresholds.py --results-file "latest:$service" --service "$service"

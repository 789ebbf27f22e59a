#!/usr/bin/env bash
# The step of action.yml: finds the program, or installs it once from the action's own files, and runs `diagnose ci`.
# The job's colour is its own: whatever happens, this ends with 0.
set -u

warn() { printf '::warning title=diagnose::%s\n' "$1"; }

# Prints the newest Python that is new enough.
find_python() {
    local name
    for name in python3.13 python3.12 python3.11 python3 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

# Installs into a folder that other jobs of this runner may want at the same moment.
install_into() {
    local folder=$1 python
    python=$(find_python) || { warn 'no Python 3.11 or newer on this runner'; return 1; }
    mkdir -p "$(dirname "$folder")" || return 1
    (
        flock 9 2> /dev/null || true
        [ -e "$folder/complete" ] && exit 0
        rm -rf "$folder"
        "$python" -m venv "$folder" &&
            "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
                --constraint "$GITHUB_ACTION_PATH/.ci/constraints.txt" "$GITHUB_ACTION_PATH" &&
            touch "$folder/complete"
    ) 9> "$folder.lock"
}

# Sets `program`. What was installed stays on the runner, by the content of the action, so that only the first job
# needs a package index.
find_program() {
    program=${DIAGNOSE_COMMAND:-}
    [ -n "$program" ] && return
    local content folder
    content=$(cd "$GITHUB_ACTION_PATH" && find pyproject.toml .ci/constraints.txt diagnose signatures -type f \
        -not -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
    folder=${RUNNER_TOOL_CACHE:-$HOME/.cache}/vllm-diagnose/$content
    program=$folder/bin/diagnose
    [ -e "$folder/complete" ] && return
    # A program that was put on the runner needs no package index at all.
    if diagnose --version 2> /dev/null | grep -q '^diagnose,'; then
        program=diagnose
        return
    fi
    install_into "$folder" 2>&1
}

options=(--output "${DIAGNOSE_OUTPUT:-diagnosis}")
[ -n "${DIAGNOSE_JOB_STATUS:-}" ] && options+=(--job-status "$DIAGNOSE_JOB_STATUS")
[ -n "${DIAGNOSE_RECIPE:-}" ] && options+=(--recipe "$DIAGNOSE_RECIPE")
paths=()
while IFS= read -r path; do
    [ -n "$path" ] && paths+=("$path")
done <<< "${DIAGNOSE_PATHS:-}"

if find_program; then
    "$program" ci "${options[@]}" -- ${paths[@]+"${paths[@]}"} || warn "diagnose ended with exit code $?"
else
    warn 'diagnose could not be installed on this runner'
fi
exit 0

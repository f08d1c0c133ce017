#!/bin/sh
# Starts Redis with redis.conf and the password in REDIS_PASSWORD, which thus stands neither in a
# checked-in file nor in the process list. Arguments are further settings.
set -eu
: "${REDIS_PASSWORD:?the password for Redis}"
umask 077
run="${REDIS_RUN_DIR:-/run/redis}/redis.conf"
cat "$(dirname "$0")/redis.conf" > "$run"
printf 'requirepass "%s"\n' "$REDIS_PASSWORD" >> "$run"
unset REDIS_PASSWORD REDISCLI_AUTH
exec redis-server "$run" "$@"

#!/bin/sh
# Listens to TERM, since a shell in the background cannot to INT and QUIT;
# PostgreSQL can.
trap 'kill $sleeper; echo down TERM; exit' TERM
sleep 3600 >/dev/null 2>&1 &
sleeper=$!
echo $$ >"$PGDATA/postmaster.pid"
echo "up $*"
wait

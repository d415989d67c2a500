#!/bin/sh
# Drains a queue by the Kotlin package; --help says how. `exec`, so that signals reach the program itself.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
list=$here/target/listen.classpath
if [ ! -f "$list" ]; then
    echo "b24-offline: error: the program is not built; run in $here: mvn -B -ntp package" >&2
    exit 1
fi
read -r libraries < "$list" || [ -n "$libraries" ] || exit 1
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xshare:auto \
    -cp "$here/target/test-classes:$here/target/classes:$libraries" \
    io.github.b24offline.listen.ListenKt "$@"

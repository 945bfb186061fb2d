#!/bin/sh
echo "hello @VERSION@ says: hello, $NAME"
echo "built for $(cat /etc/hello/target) by a step on $(cat /etc/hello/machine), running on $(uname -m)"

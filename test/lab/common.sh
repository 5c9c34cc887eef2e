# common.sh: names, ports and small helpers of the lab; sourced by its scripts.
# Owns no process; starts nothing.

set -u
LAB_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$LAB_HOME/../.." && pwd)

LAB_DIR=${LAB_DIR:-$TOP/test/lab/run}
case $LAB_DIR in /*) ;; *) LAB_DIR=$PWD/$LAB_DIR ;; esac
# those that are given, or that up has found for this lab
LAB_PORT_BASE=${LAB_PORT_BASE:-$(cat "$LAB_DIR/port-base" 2>/dev/null || echo 15400)}
LAB_SOURCE_VERSION=${LAB_SOURCE_VERSION:-17}
LAB_CONNECT_WORKERS=${LAB_CONNECT_WORKERS:-1}
LAB_CACHE=${LAB_CACHE:-$TOP/build/cache}
# A Python environment of its own for clients and tools from PyPI; beside the
# packages of the system, since it too is the same for every clone.
LAB_PYTHON=${LAB_PYTHON:-/var/cache/cdc_pipeline/python-$(sha256sum < "$LAB_HOME/requirements.txt" | cut -c1-12)}
LINT_PYTHON=${LINT_PYTHON:-/var/cache/cdc_pipeline/lint-$(sha256sum < "$TOP/test/lint/requirements.txt" | cut -c1-12)}
# How the source's slots survive a failover: "shadow" leaves it to the worker,
# "native" (17 and later) sets the servers up for failover slots of their own.
LAB_SOURCE_SLOTS=${LAB_SOURCE_SLOTS:-shadow}
# Not empty: every node of the source in a network namespace of its own, whose
# link can be taken down.
LAB_SOURCE_NETNS=${LAB_SOURCE_NETNS:-}

# How often Connect flushes offsets, in ms (offset.flush.interval.ms); kept for the lab
# by whoever starts a worker with it.
[ -z "${LAB_OFFSET_FLUSH_MS:-}" ] || [ ! -d "$LAB_DIR" ] || echo "$LAB_OFFSET_FLUSH_MS" > "$LAB_DIR/offset-flush-ms"
LAB_OFFSET_FLUSH_MS=${LAB_OFFSET_FLUSH_MS:-$(cat "$LAB_DIR/offset-flush-ms" 2>/dev/null || echo 1000)}

# "no": no source and no Kafka of the lab's own; services are made over REST.
LAB_REGISTERED=${LAB_REGISTERED:-yes}

DEBEZIUM_VERSION=3.7.0.Final
DEBEZIUM_SHA512=dc5334e087c7405f5b423e77373c60a89a3d7538ad38016f3959c431ad7078361ab95300a7e926c50621e7aa8375b7f4f3c5ecec4fe04ac484804d325009b6c0
KAFKA_VERSION=3.9.1
PG_META_BIN=/usr/lib/postgresql/15/bin

# What Maven Central has of each major version (io.zonky.test.postgres).
zonky_version() {
	case $1 in
		14) echo 14.19.0 ;; 15) echo 15.14.0 ;; 16) echo 16.10.0 ;; 17) echo 17.6.0 ;; 18) echo 18.0.0 ;;
		*) return 1 ;;
	esac
}

# Of Kafka: the lab's own, and what services may be made of.
kafka_version() {
	case $1 in
		${KAFKA_VERSION%.*}) echo "$KAFKA_VERSION" ;; 4.0) echo 4.0.0 ;; 4.1) echo 4.1.0 ;;
		*) return 1 ;;
	esac
}

META_PORT=$LAB_PORT_BASE
KAFKA_PORT=$((LAB_PORT_BASE + 10))
KAFKA_SASL_PORT=$((LAB_PORT_BASE + 11))
KAFKA_CONTROLLER_PORT=$((LAB_PORT_BASE + 12))
CONNECT_PORT=$((LAB_PORT_BASE + 20))	# worker n listens on CONNECT_PORT + n - 1
AGENT_PORT=$((LAB_PORT_BASE + 30))	# the agent of worker n listens on AGENT_PORT + n - 1
GATEWAY_PORT=$((LAB_PORT_BASE + 40))
SDN_PORT=$((LAB_PORT_BASE + 41))
HOST_PORT=$((LAB_PORT_BASE + 42))	# the agent that makes services

# A loopback address of its own, so that the well-known ports are free there.
LAB_NET=127.$((10 + LAB_PORT_BASE / 256 % 200)).$((LAB_PORT_BASE % 256))
SOURCE_HOST=$LAB_NET.1
KAFKA_HOST=$LAB_NET.3
SERVICE_ADDRESSES=$LAB_NET.128/25

# Where the source and Kafka are: on loopback, or with LAB_NETWORK=1 each in a
# private subnet of its own (see network), in which its servers are started.
SOURCE_ADDRESS=127.0.0.1 SOURCE_RANGE=10.71.0.0/24 IN_SOURCE=()
KAFKA_ADDRESS=127.0.0.1 SINK_RANGE=127.0.0.0/24 IN_SINK=()
LAB_NETWORK=${LAB_NETWORK:-}
if [ "$LAB_NETWORK" = 1 ]; then
	subnet=$((LAB_PORT_BASE / 100 % 250))
	SOURCE_RANGE=10.71.$subnet.0/24 SOURCE_ADDRESS=10.71.$subnet.10
	SINK_RANGE=10.72.$subnet.0/24 KAFKA_ADDRESS=10.72.$subnet.10
	KAFKA_HOST=$KAFKA_ADDRESS
	IN_SOURCE=("$LAB_HOME/network" in source)
	IN_SINK=("$LAB_HOME/network" in sink)
fi

# The same networks, as the SDN names them.
SOURCE_NETWORK=03000000-0000-4000-8000-000000000071
SINK_NETWORK=03000000-0000-4000-8000-000000000072
SDN_ROUTER=04000000-0000-4000-8000-000000000001

SOURCE_PASSWORD=lab-source-admin
META_PASSWORD=lab-meta-admin
API_USER=lab_owner
API_PASSWORD=lab-owner-api
SDN_USER=lab_sdn
SDN_PASSWORD=lab-sdn-api
GATEWAY_ROLE=cdc_gateway
GATEWAY_PASSWORD=lab-gateway-own
AGENT_TOKEN=lab-agent-token-0123456789
HOST_TOKEN=lab-host-token-0123456789
KAFKA_USER=app_user
KAFKA_PASSWORD=lab-kafka-app

# Servers' data must be where user postgres can go; a clone below /root is not.
data_dir() {
	local probe=$LAB_DIR
	mkdir -p "$LAB_DIR"
	if su postgres -s /bin/sh -c "test -x '$probe'" 2>/dev/null; then
		echo "$LAB_DIR"
	else
		echo "/var/tmp/cdc_pipeline_lab_$(printf %s "$LAB_DIR" | sha256sum | cut -c1-12)"
	fi
}

as_postgres() {
	(cd / && su postgres -s /bin/bash -c "$*")
}

# for_services PATH: the path, or that of a copy where user postgres can read it.
for_services() {
	local copy=$DATA/shared/$(basename "$1")
	if su postgres -s /bin/sh -c "test -r '$1'" 2>/dev/null; then
		echo "$1"
		return
	fi
	if [ ! -e "$copy" ]; then
		mkdir -p "$DATA/shared" && cp -r "$1" "$copy.new" && chmod -R a+rX "$copy.new" && mv "$copy.new" "$copy"
	elif [ "$1" -nt "$copy" ]; then
		cp -rn "$1/." "$copy/" && chmod -R a+rX "$copy"
	fi
	echo "$copy"
}

# fail PART MESSAGE...: one line that names the part, and the end.
fail() {
	local part=$1
	shift
	echo "lab: $part: $*" >&2
	exit 1
}

# wait_for SECONDS COMMAND...: polls until the command succeeds.
wait_for() {
	local end=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$end" ] || return 1
		sleep 0.05
	done
}

port_open() {
	(exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# listener PORT: who listens there, on whatever address, as "pid N: its command"; nothing: nobody.
listener() {
	local inode fd
	for inode in $(awk -v port="$(printf :%04X "$1")" '$4 == "0A" && substr($2, length($2) - 4) == port { print $10 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null); do
		fd=$(find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\[$inode\]" -print -quit 2>/dev/null)
		[ -n "$fd" ] || continue
		fd=${fd#/proc/}
		echo "pid ${fd%%/*}: $(tr '\0' ' ' < "/proc/${fd%%/*}/cmdline" | cut -c1-200)"
		return
	done
}

# Is the process of a pid file ours and alive?
alive() {
	local pid
	[ -s "$1" ] && pid=$(head -n1 "$1") && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || return
	# a server that was killed leaves its file, and the pid may be another's by now
	case $1 in */postmaster.pid) [ "/proc/$pid/cwd" -ef "${1%/*}" ] ;; esac
}

# server_start PART NAME BIN DIRECTORY LOG PORT [COMMAND...]: starts a PostgreSQL server whose
# socket is in $DATA, by a command that enters its network; where it does not start,
# the line says who has its port, and what it said last.
# One that was killed leaves the lock file of its socket.  When its pid has become that
# of another process of user postgres (there are 32768), the next server would not start.
server_start() {
	local part=$1 name=$2 bin=$3 dir=$4 log=$5 port=$6 said=0 other
	shift 6
	[ ! -e "$log" ] || said=$(stat -c %s "$log")
	other=$([ $# -gt 0 ] || listener "$port")
	[ -z "$other" ] || fail "$part" "$name does not start: port $port is held by $other"
	alive "$dir/postmaster.pid" || rm -f "$dir/postmaster.pid" "$DATA/.s.PGSQL.$port" "$DATA/.s.PGSQL.$port.lock"
	(cd / && "$@" su postgres -s /bin/bash -c "$bin/pg_ctl -D '$dir' -l '$log' -w -s -t 30 start") </dev/null >/dev/null 2>&1 ||
		fail "$part" "$name does not start: port $port is $(other=$(listener "$port"); [ -z "$other" ] && echo free || echo "held by $other"); its log ends: $(tail -c "+$((said + 1))" "$log" | tail -n 5 | paste -sd'|' | sed 's/|/ | /g')"
}

# is_gone PID: it holds no port and no file any more, which a killed process does
# until its last thread has ended; a zombie holds nothing.
is_gone() {
	local tasks=(/proc/"$1"/task/*)
	[ ! -e "${tasks[0]}" ] || { [ ${#tasks[@]} = 1 ] && grep -q '^State:[[:space:]]*Z' "${tasks[0]}/status"; }
}

# kill_process PIDFILE: KILL, and it is gone; only what the file names.
kill_process() {
	local pid
	if alive "$1"; then
		pid=$(head -n1 "$1")
		kill -9 "$pid" 2>/dev/null
		wait_for 30 is_gone "$pid"
	fi
	rm -f "$1"
}

# end_process PIDFILE SECONDS: TERM, wait, KILL; only what the file names.
end_process() {
	local pid
	if alive "$1"; then
		pid=$(head -n1 "$1")
		kill "$pid" 2>/dev/null
		wait_for "$2" is_gone "$pid" || kill_process "$1"
	fi
	rm -f "$1"
}

# -- nodes of the source: named a, b, c; $DATA/source-nodes lists those that
# live as "name directory port address", the primary first.
NODE_NAMES="a b c"
node_port() {
	case $1 in
		a) echo $((LAB_PORT_BASE + 1)) ;; b) echo $((LAB_PORT_BASE + 2)) ;; c) echo $((LAB_PORT_BASE + 3)) ;;
		*) return 1 ;;
	esac
}

node_dir() {
	echo "$DATA/source-$1"
}

# Without LAB_SOURCE_NETNS every node is where the source is.
node_address() {
	if [ -n "$LAB_SOURCE_NETNS" ]; then
		echo "$NODE_NET.$(($(node_port "$1") - LAB_PORT_BASE + 10))"
	else
		echo "$SOURCE_ADDRESS"
	fi
}

node_line() {
	echo "$1 $(node_dir "$1") $(node_port "$1") $(node_address "$1")"
}

source_dsn() {
	echo "host=$(node_address "$1") port=$(node_port "$1") user=postgres password=$SOURCE_PASSWORD dbname=${2:-defaultdb}"
}

# What a standby has in primary_conninfo: NODE to follow, NODE that follows.
primary_conninfo() {
	echo "$(source_dsn "$1" postgres) application_name=standby_$2"
}

# source_query NODE SQL...: as superuser; each SQL is a transaction of its own.
source_query() {
	local node=$1 arguments=() sql
	shift
	for sql in "$@"; do
		arguments+=(-c "$sql")
	done
	psql -XqAt -v ON_ERROR_STOP=1 "$(source_dsn "$node" postgres)" "${arguments[@]}"
}

# A network of its own for a node, held by a process that sleeps; the node's wire
# is $NODE_BRIDGE followed by its name, and can be cut.
NODE_BRIDGE=cdc$LAB_PORT_BASE
NODE_NET=10.$((200 + LAB_PORT_BASE / 256 % 50)).$((LAB_PORT_BASE % 256))
node_network() {
	local holder=$LAB_DIR/netns-$1.pid pid
	[ -n "$LAB_SOURCE_NETNS" ] && ! alive "$holder" || return 0
	if ! ip link show "$NODE_BRIDGE" >/dev/null 2>&1; then
		ip link add "$NODE_BRIDGE" type bridge && ip addr add "$NODE_NET.1/24" dev "$NODE_BRIDGE" && ip link set "$NODE_BRIDGE" up || return 1
	fi
	setsid unshare -n sleep infinity </dev/null >/dev/null 2>&1 &
	pid=$!
	echo $pid > "$holder"
	wait_for 5 eval "[ \$(readlink /proc/$pid/ns/net) != \$(readlink /proc/$$/ns/net) ]" &&
		ip link add "$NODE_BRIDGE$1" type veth peer name eth0 netns $pid && ip link set "$NODE_BRIDGE$1" master "$NODE_BRIDGE" up &&
		nsenter -t $pid -n sh -c "ip addr add $(node_address "$1")/24 dev eth0 && ip link set eth0 up && ip link set lo up"
}

# node_start NODE: in its own network or the source's, if there is one.
node_start() {
	local enter=("${IN_SOURCE[@]}")
	node_network "$1" || fail source "node $1 gets no network of its own, which needs root and veth"
	[ -z "$LAB_SOURCE_NETNS" ] || enter=(nsenter -t "$(cat "$LAB_DIR/netns-$1.pid")" -n)
	server_start source "node $1" "$SOURCE_BIN" "$(node_dir "$1")" "$(node_dir "$1").log" "$(node_port "$1")" "${enter[@]}"
}

# Makes a node whose data is there a standby of NODE when it starts: FOLLOWER NODE.
node_follows() {
	local dir
	dir=$(node_dir "$1")
	sed -i '/^# lab standby/,$d' "$dir/postgresql.conf"
	# what it was told as a primary, or as a standby of another
	sed -i -E '/^(primary_conninfo|primary_slot_name|synchronized_standby_slots) /d' "$dir/postgresql.auto.conf"
	cat >> "$dir/postgresql.conf" <<C
# lab standby
port = $(node_port "$1")
primary_conninfo = '$(primary_conninfo "$2" "$1")'
primary_slot_name = 'standby_$1'
C
	touch "$dir/standby.signal"
	chown postgres "$dir/standby.signal" "$dir/postgresql.conf" "$dir/postgresql.auto.conf"
}

# edit_env SED_ARGUMENTS: changes the env file; source and metadata may fail over at the same time.
edit_env() {
	(
		flock 8
		sed "$@" "$LAB_DIR/env" > "$LAB_DIR/env.new" && mv "$LAB_DIR/env.new" "$LAB_DIR/env"
	) 8>"$LAB_DIR/env.lock"
}

# What the env file says of the nodes, after they have changed.
write_env_nodes() {
	local primary standby
	primary=$(sed -n 1p "$DATA/source-nodes" | cut -d' ' -f1)
	standby=$(sed -n 2p "$DATA/source-nodes" | cut -d' ' -f1)
	edit_env -e "s/^CDC_SOURCE_PRIMARY_DSN=.*/CDC_SOURCE_PRIMARY_DSN='$(source_dsn "$primary")'/" \
		-e "s/^CDC_SOURCE_STANDBY_DSN=.*/CDC_SOURCE_STANDBY_DSN='${standby:+$(source_dsn "$standby")}'/"
}

# relay_source NODE: the page's well-known address leads to this node.
relay_source() {
	end_process "$LAB_DIR/relay-source.pid" 5
	setsid python3 "$LAB_HOME/relay.py" "$SOURCE_HOST" 5432 "$(node_address "$1")" "$(node_port "$1")" >"$LAB_DIR/log/relay-source" 2>&1 </dev/null &
	echo $! > "$LAB_DIR/relay-source.pid"
	wait_for 10 port_open "$SOURCE_HOST" 5432 || fail source "no relay on $SOURCE_HOST:5432"
}

JAVA_FLAGS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"
kafka_classpath() {
	echo "$LAB_CACHE/kafka-$KAFKA_VERSION/*"
}

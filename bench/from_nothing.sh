#!/usr/bin/env bash
# Measures `npm start` and `npm test` on a fresh machine, and again when everything is installed.
#
# An overlay over the files of this machine simulates the fresh machine. It hides the browser, PostgreSQL, the wasm
# target and all caches; files that a command installs stay in the overlay. Needs Linux and root.
#
#     usage: bench/from_nothing.sh FOLDER [COMMIT]
#
# FOLDER keeps the overlays, the logs and the results. A phase that has a result is skipped, so calling the script again
# continues an interrupted measurement. Remove a file of FOLDER/results to repeat a phase.
set -euo pipefail

repo=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?usage: bench/from_nothing.sh FOLDER [COMMIT]}
commit=$(git -C "$repo" rev-parse "${2:-HEAD}")
mkdir -p "$folder"/{results,logs}
folder=$(cd "$folder" && pwd)

# Runs a script as root of the machine NAME.
on() {
	local name=$1 script=$2
	local machine=$folder/$name
	mkdir -p "$machine"/{files,work,all,tmp}
	unshare --mount --pid --fork --kill-child bash -euo pipefail -s <<-EOF
		mount --make-rprivate /
		mount -t overlay overlay -o lowerdir=/,upperdir=$machine/files,workdir=$machine/work $machine/all
		mount --bind $machine/tmp $machine/all/tmp
		mount -t proc proc $machine/all/proc
		mount --rbind /sys $machine/all/sys
		mount --rbind /dev $machine/all/dev
		mkdir -p $machine/all/mnt
		mount --bind -o ro $repo $machine/all/mnt
		exec chroot $machine/all bash -euo pipefail -c $(printf %q "$script") </dev/null
	EOF
}

# Removes what a fresh machine does not have.
strip='
	export DEBIAN_FRONTEND=noninteractive
	packages=$(dpkg-query -W -f "\${Package}\n" "postgresql*" "chromium*" 2>/dev/null || true)
	[ -z "$packages" ] || apt-get -qq purge -y $packages >/dev/null
	rm -rf "${CARGO_HOME:-$HOME/.cargo}"/{registry,git} "$HOME/.npm" "$HOME/.cache" /usr/lib/postgresql
	rm -rf "$(rustc --print sysroot)"/lib/rustlib/{wasm32-unknown-unknown,src}
'
clone="git clone -q --no-hardlinks /mnt /doorward && cd /doorward && git checkout -q $commit"

# Measures a phase, and saves the result with the load of this machine before it.
phase() {
	local phase=$1 machine=$2 script=$3
	if [ -e "$folder/results/$phase" ]; then return; fi
	local load begun ended status=0
	load=$(cut -d' ' -f1-2 /proc/loadavg)
	begun=$(date +%s.%N)
	on "$machine" "$script" >"$folder/logs/$phase.log" 2>&1 || status=$?
	ended=$(date +%s.%N)
	printf '%-22s %8.1f s   exit %s   load before: %s   %s\n' "$phase" "$(echo "$ended - $begun" | bc)" "$status" "$load" \
		"$(tail -n 1 "$folder/logs/$phase.log" | cut -c 1-60)" | tee "$folder/results/$phase.new"
	mv "$folder/results/$phase.new" "$folder/results/$phase"
}

# Prepares a machine, once.
machine() {
	local name=$1
	if [ -e "$folder/$name/ready" ]; then return; fi
	rm -rf "${folder:?}/$name"
	on "$name" "$strip"
	on "$name" "$clone"
	touch "$folder/$name/ready"
}

# Returns when the server has printed that it is ready.
start='
	cd /doorward
	exec 3< <(exec npm start -- --listen 127.0.0.1:0 2>&1)
	while read -r line <&3; do
		echo "$line"
		case $line in "doorward is ready"*) exit 0 ;; esac
	done
	exit 1
'

machine start
phase start-from-nothing start "$start"
phase start-again start "$start"

machine test
phase test-from-nothing test 'cd /doorward && CI=true npm test'
phase test-again test 'cd /doorward && CI=true npm test'
# A new clone in the same folder. Only the files that .ci/run keeps outside the clone exist.
phase ci-fill-cache test 'cd /doorward && .ci/run'
phase ci-new-clone test "rm -rf /doorward && $clone && .ci/run"

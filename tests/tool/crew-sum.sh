#!/bin/sh
# SPDX-License-Identifier: MIT
#
# crew-sum.sh - crew-sum does what it promises.
#
#	tests/tool/crew-sum.sh [CREW-SUM]
#
# Prints "ok" or "not ok" and a sentence per test, "skip" where the machine lacks
# something, and exits with 1 when a test failed. Whatever sha256sum and its family
# can say about the same files is compared with what they say.

set -u
export LC_ALL=C
umask 022
unset COLUMNS NO_COLOR CREW_WORKERS

tool=${1:-build/release/crew-sum}
failed=0
big_mb=20

[ -x "$tool" ] || {
	echo "not ok: there is no $tool; run make first"
	exit 1
}
case $tool in
/*) ;;
*) tool=$PWD/$tool ;;
esac

scratch=$(mktemp -d) || exit 1
pid=
cleanup()
{
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
	chmod -R u+rwx "$scratch" 2>/dev/null
	rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
chmod 755 "$scratch"
cd "$scratch" || exit 1

ok()
{
	echo "ok: $*"
}

not_ok()
{
	echo "not ok: $*"
	failed=1
}

# The sentence, then a command that succeeds when it holds.
check()
{
	sentence=$1
	shift
	if "$@"; then ok "$sentence"; else not_ok "$sentence"; fi
}

same()
{
	cmp "$1" "$2" || {
		diff "$1" "$2" | cat -v | head -n 6
		return 1
	}
}

# crew-sum's own name in what another tool printed on stderr.
rename()
{
	sed "s/^$1: /crew-sum: /"
}

# Waits for at most 10 s until a command succeeds.
soon()
{
	turns=0
	until "$@"; do
		turns=$((turns + 1))
		[ "$turns" -lt 1000 ] || return 1
		sleep 0.01
	done
}

lines()
{
	[ -f "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}

milliseconds()
{
	echo $(($(date +%s%N) / 1000000))
}

# Runs the rest with SIGINT as it is in a terminal: sh ignores it for "&".
interruptible()
{
	exec env --default-signal=INT "$@"
}

# ---- a tree with all kinds of names ----

mkdir -p tree/sub/deep tree/sub.d tree/empty "tree/with blank" other
printf 'a' >tree/a
printf 'a.c' >tree/a.c
printf 'newline' >"tree/new
line"
printf 'backslash' >'tree/back\slash'
printf 'return' >"tree/re$(printf '\r')turn"
printf 'not utf-8' >"tree/n$(printf '\377')t"
printf 'umlaut' >"tree/$(printf 'gr\303\274n')"
printf 'star' >'tree/*'
printf "quote" >"tree/it's"
printf 'blank' >'tree/with blank/ lead'
printf 'dash' >tree/-n
: >tree/empty-file
i=0
while [ "$i" -lt 700 ]; do
	printf '%0*d' $((i * 37)) 7 >"tree/sub/deep/$i"
	i=$((i + 1))
done
printf 'before' >tree/sub-x
printf 'after' >tree/sub0
printf 'dot' >tree/sub.d/x
yes 'a line that is not all the same' | head -c $((big_mb * 1000000)) >tree/big
head -c 524288 tree/big >tree/one-block
head -c 524289 tree/big >tree/one-block-and-a-byte
ln -s a tree/link-to-file
ln -s sub tree/link-to-directory
ln -s nowhere tree/dangling
mkfifo tree/fifo
ln -s ../tree other/link

find -H tree -type f -print0 | sort -z >names

# ---- digests ----

# crew-sum's lines of the tree are those of $2, and each checks the other's.
compares()
{
	xargs -0 "$2" <names >theirs 2>theirs.err
	"$tool" -a "$1" tree >ours 2>ours.err && [ ! -s ours.err ] && same theirs ours
}

checks()
{
	"$tool" -a "$1" -c theirs >checked 2>&1 && [ "$(grep -c ': OK$' checked)" -eq "$2" ]
}

count=$(tr -cd '\0' <names | wc -c)
for pair in sha256:sha256sum sha1:sha1sum md5:md5sum blake2b512:b2sum; do
	algorithm=${pair%%:*}
	theirs=${pair##*:}
	check "-a $algorithm prints what $theirs prints" compares "$algorithm" "$theirs"
	check "$theirs -c accepts what -a $algorithm prints" "$theirs" --quiet -c ours
	check "-a $algorithm -c finds the list of $theirs in order" checks "$algorithm" "$count"
	xargs -0 "$theirs" --tag <names >theirs
	check "-a $algorithm -c reads $theirs --tag" checks "$algorithm" "$count"
done

if command -v xxhsum >command; then
	check "-a xxh64 prints what xxhsum prints" compares xxh64 xxhsum
	find tree -type f -name '[a-z0-9]*' ! -name '*
*' -print0 | sort -z | xargs -0 xxhsum >theirs 2>theirs.err
	check "-a xxh64 -c finds the list of xxhsum in order" checks xxh64 "$(wc -l <theirs)"
	printf abc | xxhsum >theirs 2>theirs.err
	printf abc | "$tool" -a xxh64 >ours
	check "-a xxh64 names standard input as xxhsum does" same theirs ours
else
	echo "skip: xxhsum is not installed (package xxhash)"
fi

# ---- paths ----

sums()
{
	xargs -0 sha256sum <names >theirs
	"$tool" "$@" >ours && same theirs ours
}

find -H other/link -type f -print0 | sort -z >names
check "a link to a directory as PATH is followed" sums other/link
find -H tree/ -type f -print0 | sort -z >names
check "a slash behind a PATH stays" sums tree/
(cd tree && find -H . -type f -print0 | sort -z >../names)
check "the tree is walked as find walks it from inside" eval '(cd tree && xargs -0 sha256sum) <names >theirs &&
	(cd tree && "$tool" .) >ours && same theirs ours'
find -H tree tree/sub tree/sub.d -type f -print0 >unsorted
printf 'tree/a\0tree/a\0tree/sub\0' | sort -z | grep -zv 'sub$' >>unsorted
sort -z unsorted >names
check "several PATHs, also inside each other, come in one order" \
	sums tree/sub.d tree/a tree tree/sub tree/a
find -H tree -type f -print0 | sort -z >names
for workers in 1 2 3 16; do
	check "-j $workers prints the same" sums -j "$workers" tree
done
printf abc >stdin
sha256sum <stdin >theirs
"$tool" <stdin >ours
check "no PATH is standard input" same theirs ours
cat stdin | sha256sum - tree/a - | sort -k 2 >theirs
cat stdin | "$tool" - tree/a - | sort -k 2 >ours
check "- is standard input, the second time at its end" same theirs ours
"$tool" - <&- >ours 2>ours.err
check "a closed standard input has status 1" [ $? -eq 1 ]
check "a closed standard input is named" grep -qx 'crew-sum: -: Bad file descriptor' ours.err

# ---- what cannot be read ----

# Output, sentences and status are those of sha256sum for the same PATHs.
fails_alike()
{
	sha256sum "$@" >theirs 2>err
	theirs=$?
	rename sha256sum <err >theirs.err
	"$tool" "$@" >ours 2>ours.err
	[ $? -eq "$theirs" ] && same theirs ours && same theirs.err ours.err
}

check "a dangling link, a missing file and strange names fail as with sha256sum" \
	fails_alike "no
line" 'no file' "no'quote" 'no:colon' tree/a tree/dangling tree/nothing tree/one-block

mkdir -p shut/closed shut/open
printf x >shut/closed/x
printf y >shut/open/y
printf z >shut/unreadable
printf 0 >shut/readable
chmod 000 shut/closed shut/unreadable
# As root nothing is unreadable, so root's test runs as nobody.
become=
if [ "$(id -u)" -eq 0 ]; then
	cp "$tool" "$scratch/crew-sum" && chmod 755 "$scratch/crew-sum"
	become='setpriv --reuid 65534 --regid 65534 --clear-groups'
	$become "$scratch/crew-sum" --version >ours 2>&1 || become=
fi
if [ "$(id -u)" -ne 0 ] || [ -n "$become" ]; then
	unreadable=$tool
	[ -z "$become" ] || unreadable=$scratch/crew-sum
	sha256sum shut/open/y shut/readable >theirs
	cat >theirs.err <<-'END'
		crew-sum: shut/closed: Permission denied
		crew-sum: shut/unreadable: Permission denied
	END
	$become "$unreadable" shut >ours 2>ours.err
	check "an unreadable file or directory has status 1" [ $? -eq 1 ]
	check "the rest goes on" same theirs ours
	check "each unreadable one has a sentence" same theirs.err ours.err
else
	echo "skip: root can read everything and setpriv cannot make it somebody else"
fi

"$tool" tree >/dev/full 2>ours.err
check "a full disk has status 1" [ $? -eq 1 ]
check "a full disk has a sentence" grep -q '^crew-sum: write error' ours.err

# ---- -c ----

sha256sum tree/a tree/a.c "tree/new
line" 'tree/back\slash' tree/empty-file >good
sha256sum tree/a | tr a-f A-F >upper
sed 's/  tree/ *tree/' good >binary
{
	cat good
	sha256sum tree/a.c | sed 's/  .*/  tree\/a/'
	sha256sum tree/a.c | sed 's/  .*/  tree\/nothing/'
	echo 'not a checksum'
	echo '# a comment'
	echo
	sha256sum tree/a | cut -c 2-
} >bad
echo nothing >none
: >empty
sha256sum tree/a | sed 's/^/\\/' >escaped
sha256sum tree/a | sed 's/^/\\/; s/$/\\x/' >wrongly-escaped
{
	sha256sum tree/a | sed 's/  / /'
	sha256sum tree/a
} >mixed
sha256sum tree/a.c | tr '\n' '\r' >returns

checks_alike()
{
	sha256sum -c "$@" >theirs 2>err
	theirs=$?
	rename sha256sum <err >theirs.err
	list=$1
	shift
	"$tool" -c "$list" "$@" >ours 2>ours.err
	[ $? -eq "$theirs" ] && same theirs ours && same theirs.err ours.err
}

for list in good upper binary bad none empty escaped wrongly-escaped mixed returns missing; do
	check "-c says what sha256sum -c says: $list" checks_alike "$list"
done
check "-c says what sha256sum -c says about several lists" checks_alike bad missing good none
sha256sum -c - <bad >theirs 2>err
rename sha256sum <err >theirs.err
"$tool" -c - <bad >ours 2>ours.err
check "-c - reads the list from standard input" eval 'same theirs ours && same theirs.err ours.err'

# ---- --json ----

hash_of()
{
	sha256sum <"$1" | cut -d ' ' -f 1
}

cat >theirs <<END
{"path":"tree/a","algorithm":"sha256","digest":"$(hash_of tree/a)","bytes":1}
{"path":"tree/back\\\\slash","algorithm":"sha256","digest":"$(hash_of 'tree/back\slash')","bytes":9}
{"path":"tree/empty-file","algorithm":"sha256","digest":"$(hash_of tree/empty-file)","bytes":0}
{"path":"tree/$(printf 'gr\303\274n')","algorithm":"sha256","digest":"$(hash_of tree/gr*)","bytes":6}
{"path":"tree/new\\u000aline","algorithm":"sha256","digest":"$(hash_of tree/new*)","bytes":7}
{"path":"tree/n$(printf '\357\277\275')t","path_hex":"747265652f6eff74","algorithm":"sha256","digest":"$(hash_of tree/n?t)","bytes":9}
END
"$tool" --json tree/a 'tree/back\slash' tree/empty-file tree/gr* tree/n?t tree/new* >ours
check "--json prints an object per line" same theirs ours
sha256sum tree/a | sed 's/^./0/' | "$tool" --json -c - 2>ours.err >ours
echo "{\"path\":\"tree/a\",\"algorithm\":\"sha256\",\"digest\":\"$(hash_of tree/a)\",\"bytes\":1,\"status\":\"FAILED\"}" >theirs
check "--json -c has a status" same theirs ours

# ---- options ----

says()
{
	words=$1
	shift
	"$tool" "$@" >ours 2>ours.err </dev/null
	[ $? -eq 1 ] && [ ! -s ours ] && head -n 1 ours.err | grep -q -- "$words" &&
		grep -q -- --help ours.err
}

check "an unknown option is named" says "option '--nonsense'" --nonsense
check "an unknown algorithm is named, and the known ones" \
	says 'unknown algorithm sha3; there are sha256, sha1, md5, xxh64, blake2b512' -a sha3
for workers in 0 251 x 2x -1 ''; do
	check "-j '$workers' is refused" says 'from 1 to 250' -j "$workers"
done
check "-c without a list is refused" says "argument" -c
"$tool" --help >ours
check "--help has status 0" [ $? -eq 0 ]
for option in -a -c -j --progress --json --help --version; do
	check "--help names $option" grep -q -- "$option" ours
done
check "--version has a number" eval '"$tool" --version | grep -Eqx "crew-sum \(crew\) [0-9]+\.[0-9]+\.[0-9]+"'

# ---- progress ----

"$tool" tree >ours 2>ours.err
check "no progress where stderr is no terminal" [ ! -s ours.err ]
"$tool" --progress tree >ours 2>ours.err
check "--progress says at the end how much it was" \
	grep -Eq "crew-sum: $count files, [0-9]+ MB in [0-9.]+ s" ours.err
truncate -s 30G endless
if command -v script >command; then
	# on a busy machine it takes longer until there is something to show
	# shellcheck disable=SC2016
	on_terminal()
	{
		for seconds in 0.8 3 10; do
			script -qec "$1 timeout -s INT $seconds '$tool' -a md5 endless >ours" typescript >command
			! grep -q 'left' typescript || break
		done
	}
	on_terminal 'TERM=xterm COLUMNS=70'
	check "on a terminal there is a bar with rate and time left" \
		grep -Eq '%.*\[.*\.\.\.\].* of 32 GB  [0-9.]+ MB/s  [0-9]+:[0-9][0-9] left' typescript
	check "COLUMNS is its width" eval 'tr "\r" "\n" <typescript | grep "left" | head -n 1 |
		sed "s/.\[[0-9;]*[mK]//g" | awk "{ exit !(length == 69) }"'
	check "it is in colour" grep -q '\[32m' typescript
	on_terminal 'TERM=xterm NO_COLOR=1'
	check "NO_COLOR takes the colour away" eval 'grep -q "MB/s" typescript && ! grep -q "\[32m" typescript'
	on_terminal 'TERM=dumb' 1.3
	check "TERM=dumb gets plain lines" eval 'grep -q "MB/s" typescript &&
		! grep -q "$(printf "\033")" typescript'
else
	echo "skip: no script(1) to make a terminal with"
fi

# ---- signals ----

for signal in INT TERM; do
	start=$(milliseconds)
	timeout --preserve-status -s "$signal" 0.3 "$tool" tree/a endless tree/sub0 >ours 2>ours.err
	status=$?
	elapsed=$(($(milliseconds) - start))
	check "SIG$signal has status 130" [ "$status" -eq 130 ]
	check "SIG$signal stops at once" [ "$elapsed" -lt 3000 ]
	check "SIG$signal: a sentence says how far it got" \
		grep -Eq '^crew-sum: interrupted: .* hashed; the first one missing is endless$' ours.err
	sha256sum tree/a tree/sub0 >theirs
	check "SIG$signal: what was finished is printed" same theirs ours
done
# A reader that does not read: the signal must get through all the same.
mkfifo stuck
exec 3<>stuck
interruptible "$tool" tree tree tree >stuck 2>ours.err 3>&- &
pid=$!
# In a write() of its main thread, as far as one can see from outside.
blocked_in_write()
{
	[ "$(cut -d ' ' -f 1-2 "/proc/$pid/syscall")" = "1 0x1" ] 2>/dev/null
}
if [ "$(uname -m)" = x86_64 ] && [ -r /proc/self/syscall ]; then
	check "it waits for a reader" soon blocked_in_write
else
	sleep 1
fi
kill -INT "$pid"
wait "$pid"
check "a signal gets through while nobody reads the output" [ $? -eq 130 ]
pid=
exec 3>&-

# ---- files that hang ----

mkfifo hangs 0hangs
sha256sum tree/a tree/sub0 >theirs
mkdir z
interruptible "$tool" -j 1 tree/a tree/sub0 z/../hangs >ours 2>ours.err &
pid=$!
check "a FIFO that nobody writes does not stop the others" eval 'soon lines ours 2 && same theirs ours'
# sh has SIGINT ignored in what it runs with "&"; interruptible() undoes that.
"$tool" -j 1 tree/a z/../hangs >ignoring 2>ours.err &
ignoring=$!
check "an ignored SIGINT stays ignored" eval 'soon lines ignoring 1 && kill -INT "$ignoring" &&
	sleep 0.1 && kill -TERM "$ignoring" && ! grep -q . ours.err'
wait "$ignoring"
check "SIGTERM is not ignored then" [ $? -eq 130 ]
printf 'late' >hangs
wait "$pid"
check "it is hashed when somebody writes" eval \
	'[ $? -eq 0 ] && [ "$(tail -n 1 ours)" = "$(printf late | sha256sum | cut -c 1-64)  z/../hangs" ]'
interruptible "$tool" -j 1 0hangs tree >ours 2>ours.err &
pid=$!
sleep 0.5
kill -INT "$pid"
wait "$pid"
check "interrupting a FIFO that nobody writes has status 130" [ $? -eq 130 ]
pid=
xargs -0 sha256sum <names >theirs
check "the files after it were hashed and are printed" same theirs ours
check "it is the one that is missing" grep -q 'the first one missing is 0hangs$' ours.err

# ---- memory ----

truncate -s 1G sparse
if grep -q __asan_init "$tool" || grep -q __tsan_init "$tool"; then
	echo "skip: a sanitizer's memory is not crew-sum's"
else
	interruptible "$tool" -j 2 sparse tree z/../hangs >ours 2>ours.err &
	pid=$!
	check "a file of 1 GiB is hashed" eval 'soon lines ours $((count + 1))'
	peak=$(awk '/^VmHWM:/ { print $2 }' "/proc/$pid/status")
	check "the peak of resident memory is below 40 MiB ($peak KiB)" [ "${peak:-99999}" -lt 40960 ]
	printf '' >hangs
	wait "$pid"
	pid=
fi

exit "$failed"

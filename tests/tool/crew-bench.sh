#!/bin/sh
# SPDX-License-Identifier: MIT
#
# crew-bench.sh - crew-bench does what it promises.
#
#	tests/tool/crew-bench.sh [CREW-BENCH]
#
# Prints "ok" or "not ok" and a sentence per test, "skip" where the machine lacks
# something, and exits with 1 when a test failed. What it decides is tested on results
# that are written here, not on what this machine happens to do.

set -u
export LC_ALL=C

tool=${1:-build/release/crew-bench}
failed=0

[ -x "$tool" ] || {
	echo "not ok: there is no $tool; run make first"
	exit 1
}
case $tool in
/*) ;;
*) tool=$PWD/$tool ;;
esac
include=$PWD/include

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
cd "$scratch" || exit 1

# The sentence, then a command that succeeds when it holds.
check()
{
	sentence=$1
	shift
	if "$@"; then
		echo "ok: $sentence"
	else
		echo "not ok: $sentence"
		sed 's/^/	/' out err 2>/dev/null
		failed=1
	fi
}

# runs STATUS ARGUMENT...: crew-bench ends so; what it says is in out and err
runs()
{
	wanted=$1
	shift
	"$tool" "$@" >out 2>err </dev/null
	[ $? -eq "$wanted" ]
}

says()
{
	grep -Eq -- "$1" out
}

complains()
{
	grep -Eq -- "$1" err
}

machine='{"machine":{"cpu":"test","processors":2,"load":"0.00 0.00"}}'
# series PEER KIND NUMBER...: the line of a series, "load"
series()
{
	printf '{"bench":"load","peer":"%s","unit":"ms","%s":[' "$1" "$2"
	shift 2
	echo "$*" | tr ' ' ',' | tr -d '\n'
	echo ']}'
}
# results PEER NUMBER...: a file of one series, each number that of a run
results()
{
	echo "$machine"
	peer=$1
	shift
	series "$peer" runs "$@"
}

# ---- commands ----

check "commands are measured" runs 0 -r 3 -w 0 'true' 'exit 0'
check "the medians are printed, of the last one first" says '^median +B .*A$'
for series in time cpu memory; do
	check "there is a series $series" says "^$series +(ms|MiB) +[0-9.e-]+ "
done
check "the legend names the commands" says '^B: exit 0$'
check "there are bars" says '^  A +#+'
runs 0 -r 4 -w 1 'printf A >>order' 'printf B >>order' 'printf C >>order'
check "rounds are in turns, every other backwards" [ "$(cat order)" = CBAABCCBAABCCBA ]
check "-n names them in order" runs 0 -r 1 -n one -n two true true true
check "the unnamed get letters" says '^median +C .* one +two$'
check "-p judges another" runs 0 -r 1 -p A true true
check "it comes first" says '^median +A .*B$'
check "what a command prints goes nowhere" runs 0 -r 1 'echo something-loud'
check "it is not in the output" eval '! grep "^something-loud" out'
check "standard input is empty" runs 0 -r 1 'test -z "$(cat)"'
check "a command that fails has status 2" runs 2 -r 1 'exit 3'
check "its status is named" complains "'exit 3' ended with status 3"
check "a command that is killed has status 2" runs 2 -r 1 'kill -9 $$'
check "the signal is named" complains 'ended by signal 9'
check "time is the time that passes" runs 0 -r 3 --plain 'sleep 0.2'
check "sleeping is no CPU time" awk -F '\t' '$1 == "time" { t = $4 } $1 == "cpu" { c = $4 }
	END { exit !(t >= 200 && c < 100) }' out
check "memory is the command's" runs 0 -r 1 --plain true 'head -c 50000000 /dev/zero | tail -c 50000000'
check "of the larger of its processes" awk -F '\t' '$1 == "memory" { m[$2] = $4 }
	END { exit !(m["A"] < 20 && m["B"] > 40) }' out

# ---- the rank test: p as all orders give it, counted elsewhere ----

p_of()
{
	results x $1 >before
	results x $2 >after
	runs "$3" -i after -c before --threshold=1 && says "^load +x .* $4 "
}
check "p is 2 of 6 ways: two and two apart" p_of '1 2' '3 4' 0 0.3333
check "p is 4 of 6 ways: two between two" p_of '1 3' '2 4' 0 0.6667
check "p is 2 of 20 ways: three and three apart" p_of '4 5 6' '1 2 3' 0 0.1000
check "p is 2 of 4 ways: one below three" p_of '1' '2 3 4' 0 0.5000
check "p is 6 of 6 ways: a tie leaves nothing" p_of '1 1' '1 2' 0 1.0000
check "p is exact: two groups apart" p_of '1 2 3 4 5' '6 7 8 9 10' 1 0.0079
check "p is exact: two groups that overlap" \
	p_of '11 12 13 14 18 19' '15 16 17 20 21 22 23' 0 0.0350
check "p is exact: ties" p_of '10 10 11 11 12 13' '11 12 12 13 13 14 14' 0 0.0618
many=$(seq 1 40 | tr '\n' ' ')
check "p of many is that of the normal approximation" \
	p_of "$many" "$(seq 11 50 | tr '\n' ' ')" 1 '0.000[0-9]'
check "p of the same is 1" p_of "$many" "$many" 0 1.0000

# ---- comparing with what was saved ----

base='100 101 102 103 104 105 106 107'
results crew $base >before
changed()
{
	for value in $base; do
		echo "$value $1" | awk '{ print $1 * $2 }'
	done
}
# shellcheck disable=SC2046
compare()
{
	results crew $(changed "$1") >after
	shift
	runs "$@" -i after -c before
}
check "10 % more is worse, with status 1" compare 1.1 1
check "it says so" says '^load +crew .*\+10.0%.*WORSE'
check "10 % less is better, with status 0" compare 0.9 0
check "it says so" says 'better'
check "3 % are not enough" compare 1.03 0
check "nothing is said" eval '! grep -q "WORSE\|better" out'
check "--threshold says what is enough" compare 1.1 1 --threshold=9
check "and what is not" compare 1.1 0 --threshold=11
results crew 100 101 102 103 >few
results crew 200 201 202 203 >after
check "four of each are too few" runs 0 -i after -c few
check "it says so" says 'too few runs'
results tbb $base >>before
results tbb $(changed 2) >after
results crew $base >>after
check "the judged one decides alone" runs 0 -i after -c before -p crew
check "--all shows the others" runs 0 -i after -c before -p crew --all
check "also when they are worse" says '^load +tbb .*WORSE'
results crew $base | sed 's/"cpu":"test"/"cpu":"other"/' >elsewhere
check "another machine is refused" runs 2 -i after -c elsewhere -p crew
check "its name is said" complains 'another machine.*other'
check "--force compares all the same" runs 0 -i after -c elsewhere -p crew --force
results crew 1 | sed 's/load/else/' >strange
check "nothing in common has status 2" runs 2 -i strange -c before

results crew 0 0 0 0 0 >zero
results crew 1 1 1 1 1 >after
check "something is worse than nothing" runs 1 -i after -c zero
check "infinitely" says '\+inf% \[\+inf \+inf\] +0.0079  WORSE'
check "nothing is not worse than nothing" runs 0 -i zero -c zero
results crew $base | sed 's/load/gone/' | cat - before >other
check "what is not there any more is said" runs 0 -i before -c other -p crew
check "and since when" says '^gone +crew +only before$'
runs 0 -i other -c before -p crew
check "what is new is said too" says '^gone +crew +only after$'
sed 's/"ms"/"us"/' before >units
check "other units are refused" runs 2 -i before -c units -p crew
check "both are named" complains 'load is in ms, and before in us'
cat before units >both-units
check "in one file too" runs 2 -i both-units
check "both are named" complains 'load is in ms and in us'
series crew runs $base >stateless
check "a file may have no machine" runs 0 -i stateless -c stateless
check "it is called unknown" says '^before: unknown machine, load unknown$'

# one line for each process: their medians are what is compared
rm -f lines
for run in 1 2 3; do
	series crew samples "10$run" "10$run" "20$run" >>lines
done
check "of a process the median counts" runs 0 -i lines -c lines
check "and there are three" says 'load +crew +102 +102 '
runs 0 --plain -i lines
check "--plain counts them" awk -F '\t' '{ exit !($7 == 3 && $1 == "load" && $2 == "crew") }' out

series crew samples $base >one-process
series crew samples 200 200 200 200 200 200 >after
check "samples of one process are one run" runs 0 -i after -c one-process
check "which is too few" says 'too few runs'

check "-s saves" runs 0 -r 5 -w 0 -s saved 'exec true'
check "what was saved is what was measured" runs 0 -i saved --plain
check "all series are there" [ "$(cut -f 1 out | tr '\n' ' ')" = 'time cpu memory ' ]
check "each sample is a run" eval '[ "$(cut -f 7 out | sort -u)" = 5 ]'
check "the machine is there" grep -q '"machine":{"cpu"' saved
check "the same against itself is no change" runs 0 -i saved -c saved
check "with p of 1" says '^time +A .* 1.0000 '
results crew $base >again
results crew $(changed 1.5) >after
check "what is saved is compared with before" runs 1 -i after -c again -s again
check "and then there" cmp -s after again
check "it keeps the machine that measured it" grep -q '"cpu":"test"' again

# ---- files that are damaged ----

damaged()
{
	runs 2 -i "$1" && complains "^crew-bench: $1:$2: no result, or a damaged one"
}
head -c -20 before >torn
check "a torn file is refused, at its line" damaged torn 4
sed 's/10[0-9]/nan/' before >damage
check "so is what is no number" damaged damage 2
sed 's/100,/100;/' before >damage
check "so is a list that is none" damaged damage 2
sed 's/\[.*\]/[]/' before >damage
check "so is an empty one" damaged damage 2
sed 's/"peer":"crew",//' before >damage
check "so is a result of nobody" damaged damage 2
tr '[' '\000' <before >damage
check "so are zeros" damaged damage 2
echo hello | cat before - >damage
check "so is another text" damaged damage 5
check "so is one to compare with" runs 2 -i before -c damage -p crew
check "a folder is none" runs 2 -i .
check "it is named" complains '^crew-bench: \.: Is a directory'

# ---- targets ----

{
	results crew 10 11 12
	results tbb 20 22 24
} >both
target()
{
	echo "$2" >targets
	runs "$1" -i both -p crew -t targets
}
check "a target that is met has status 0" target 0 'load 0.6 tbb:load 12 of 22'
check "it says so" says '^load +11 +13.2 ms +0.6 x tbb:load +met +0.5 x$'
check "a target that is missed has status 1" target 1 'load 0.4 tbb:load'
check "it says so" says 'MISSED +0.5 x'
check "a limit of its own is met" target 0 'load 11 one eleven ms'
check "its words are shown" says 'eleven ms +met'
check "a limit of its own is missed" target 1 'load 10 one ten ms'
printf '%s\n' 'load 0.6 tbb:load' 'else 1 tbb:load' 'load 1 go:load' >targets
check "what was not measured is neither" runs 0 -i both -p crew -t targets
check "it is counted" says '^targets: 1 met, 0 missed, 2 not measured$'
check "nothing of all is a mistake" target 2 'else 1 tbb:load'
check "that is said" complains 'targets: nothing in it was measured'
check "it is named" says 'not measured: else'
check "nor a rival that is missing" target 2 'load 1 go:load'
check "it is named" says 'not measured: go:load'
check "comments and empty lines are none" target 0 '# load 0.1 tbb:load'
check "they are counted" says '^targets: 0 met, 0 missed, 0 not measured$'
{
	results crew 1
	results crew 1 | sed 's/load/other/; s/"ms"/"s"/'
} >units
echo 'load 1 crew:other' >targets
check "targets do not mix units" runs 2 -i units -t targets
check "they are named" complains 'load is in ms, other in s'
for line in load 'load x tbb:load' 'load 1' 'load -1 one' 'load inf one' 'load nan one' 'load 1 tbb'; do
	check "'$line' is no target" target 2 "$line"
	check "its place is named" complains 'targets:1: '
done

# ---- programs of crew/bench.h ----

cat >program <<'END'
#!/bin/sh
echo "$*" >>arguments
echo '{"bench":"fake","peer":"own","unit":"ns","n":1,"samples":[1,2,9],"min":1}'
echo 'something else'
END
chmod +x program
check "-b takes a program's own series" runs 0 -b -r 2 -w 0 -s saved ./program ./program -- fake x
check "under the names that it has here" says '^median +B .*A$'
check "it was started with -j and the names" [ "$(sort -u arguments)" = '-j fake x' ]
check "the median of a process is what is saved" grep -q '"peer":"A","unit":"ns","runs":\[2,2\]' saved
echo 'echo "{\"bench\":\"fake\",\"peer\":\"own\",\"unit\":\"ns\",\"samples\":[1,2"' >torn
check "a torn line has status 2" runs 2 -b -r 1 'sh torn'
check "the program is named" complains "'sh torn' printed a result that is damaged"
echo 'kill -9 $$' >>torn
check "unless the program did not end well" runs 2 -b -r 1 'exec sh torn'
check "which is said" complains "'exec sh torn' was ended by signal 9"
check "a program that measures nothing has status 2" runs 2 -b true
check "it is asked what it is" complains 'crew/bench.h'
if ${CC:-cc} --version >/dev/null 2>&1; then
	cat >real.c <<'END'
#include <crew/bench.h>
/* as if it took so long */
static crew_time pretend(uint64_t n, long param)
{
	return (crew_time)n * param;
}
static const struct crew_bench benches[] = {
	{ .name = "spin.short", .fn = pretend, .param = 100 },
	{ .name = "spin.long", .fn = pretend, .param = 1000 },
	{ .name = "other", .fn = pretend, .param = 1 },
};
int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "real", benches, 3);
}
END
	check "a program can be written" ${CC:-cc} -std=c11 -Wall -Werror -I"$include" -o real real.c
	check "it is measured" runs 0 -b -r 2 -w 0 --plain './real -r 2 -t 2 -b 50' -- spin
	check "only what was chosen" [ "$(cut -f 1 out | tr '\n' ' ')" = 'spin.short spin.long ' ]
	check "its figures are nanoseconds for each" awk -F '\t' '{ at[$1] = $4 }
		END { exit !(at["spin.long"] == 1000 && at["spin.short"] == 100) }' out
	check "an unknown benchmark has status 2" runs 2 -b ./real -- spin nonsense
	check "it is named" complains 'no benchmark is called nonsense'
	for options in '-r 0' '-r 101' '-r x' '-r' '-t 0' '-b 2x' '-jl' '-' '--help' '-x 3'; do
		check "a program refuses $options" eval './real $options >out 2>err; [ $? -eq 2 ]'
		check "with its usage" complains '^usage: ./real '
	done
	for options in -l -f '-r 1 -t 1 spin'; do
		check "a full disk has status 1, $options" \
			eval './real $options >/dev/full 2>err; [ $? -eq 1 ]'
	done
else
	echo "skip: no C compiler to make a program with"
fi

# ---- pictures ----

results 'a<b&c' 1 2 3 >>both
check "--svg draws" runs 0 -i both -p crew --svg=picture.svg
check "a bar for each" [ "$(grep -c '<rect x=' picture.svg)" -eq 3 ]
check "it ends" [ "$(tail -n 1 picture.svg)" = '</svg>' ]
check "names are written as XML wants it" grep -q '>a&lt;b&amp;c<' picture.svg
check "a picture that cannot be written has status 2" runs 2 -i both --svg=/nowhere/at/all

# ---- options ----

misused()
{
	words=$1
	shift
	runs 2 "$@" && [ ! -s out ] && head -n 1 err | grep -q -- "$words" && complains --help
}
check "an unknown option is named" misused "option '--nonsense'" --nonsense
check "nothing to do is a mistake" misused 'commands or -i FILE'
check "so are commands and -i" misused 'commands or -i FILE' -i both true
check "names of benchmarks need -b" misused 'need -b' true -- fib
for number in 0 x 2x -1 '' 999999; do
	check "-r '$number' is refused" misused '-r takes a number' -r "$number" true
done
check "-i measures nothing" misused '-i measures nothing' -i both -r 3
check "--all needs something to compare with" misused 'need -c' --all true
check "--plain prints no verdicts" misused '--plain prints no verdicts' --plain -c before true
for name in '' 'a b' a:b; do
	check "-n '$name' is refused" misused '-n takes a word' -n "$name" true
done
check "an option without its value is refused" misused 'requires an argument' -r
check "--threshold may not be endless" misused '--threshold takes a number' --threshold=inf true
check "--threshold takes a number" misused '--threshold takes a number' --threshold=much true
results crew >nothing
check "a series without samples is none" runs 2 -i nothing
check "a file that is not there has status 2" runs 2 -i nowhere
check "it is named" complains '^crew-bench: nowhere: No such file'
: >empty
check "an empty one too" runs 2 -i empty
check "-p of nobody has status 2" runs 2 -i both -p nobody
# what would make the measuring useless is found before it
mark="touch $scratch/begun"
for mistake in '-p nobody' '-c nowhere' '-t nowhere' '-s /nowhere/at/all' '--svg=/nowhere/at/all' \
	"-c $scratch/elsewhere" '-c torn'; do
	# shellcheck disable=SC2086
	check "$mistake has status 2" runs 2 -r 1 $mistake "$mark"
	check "nothing was started" [ ! -e begun ]
done
check "nothing is left of a file that could be written" runs 2 -s unwritten 'exit 1'
check "because nothing was" [ ! -e unwritten ]
check "two of one name are refused" runs 2 -n x -n x true true
runs 0 --help
for option in -b -r -w -n -p -s -c -t -i --threshold --all --force --svg --plain --help --version; do
	check "--help names $option" says "$option"
done
check "--version has a number" eval '"$tool" --version | grep -Eqx "crew-bench \(crew\) [0-9]+\.[0-9]+\.[0-9]+"'
(trap '' CHLD && exec "$tool" -r 1 true) >out 2>err
check "ignored signals of children do not matter" [ $? -eq 0 ]
"$tool" -r 1 'echo x && test -z "$(cat)"' >out 2>err <&-
check "a closed standard input is none for commands either" [ $? -eq 0 ]
"$tool" -r 1 true >&- 2>err
check "a closed standard output has status 2" [ $? -eq 2 ]
"$tool" -i both >/dev/full 2>err
check "a full disk has status 2" [ $? -eq 2 ]

exit "$failed"

# SPDX-License-Identifier: MIT
#
# report.awk - perf/run's tables:
#
#	awk -f perf/samples.awk -f perf/report.awk perf/targets RESULTS.json
#
# Medians over all samples of a series; the quartiles of crew's own in brackets.

# ---- perf/targets

FILENAME ~ /targets$/ {
	if ($0 ~ /^#/ || NF < 3)
		next
	goals++
	goal_bench[goals] = $1
	goal_factor[goals] = $2
	goal_of[goals] = $3
	goal_there[goals] = $4
	for (i = 5; i <= NF; i++)
		goal_there[goals] = goal_there[goals] " " $i
	next
}

END {
	evaluate()
	print machine[1]
	print "load at each round:" load[1]
	if (substr(load[1], 2) + 0 > 0.5)
		print "THE MACHINE WAS NOT QUIET when this began: these figures prove nothing"
	print ""
	printf "%-14s %-4s %9s %-17s", "median", "", "crew", "[quartiles]"
	for (p = 1; p <= peer_count; p++)
		if (peers[p] != "crew" && peers[p] != "machine")
			printf " %8s", peers[p]
	print ""
	for (b = 1; b <= name_count; b++) {
		bench = names[b]
		printf "%-14s %-4s", bench, unit[bench]
		if ((1, "machine", bench) in median) {
			printf " %9s (the machine)\n", number(median[1, "machine", bench])
			continue
		}
		if ((1, "crew", bench) in median)
			printf " %9s %-17s", number(median[1, "crew", bench]), "[" \
				number(low[1, "crew", bench]) " " \
				number(high[1, "crew", bench]) "]"
		else
			printf " %9s %-17s", "-", ""
		for (p = 1; p <= peer_count; p++)
			if (peers[p] != "crew" && peers[p] != "machine")
				printf " %8s", number(median[1, peers[p], bench])
		print ""
	}
	for (g = 1; g <= goals; g++) {
		bench = goal_bench[g]
		if (!((1, "crew", bench) in median))
			continue
		if (!headline++)
			printf "\n%-14s %9s %10s  %-28s %s\n", "target", "crew", "at most", \
				"that is", "reached"
		split(goal_of[g], reference, ":")
		if (goal_of[g] == "one")
			base = 1
		else if ((1, reference[1], reference[2]) in median)
			base = median[1, reference[1], reference[2]]
		else {
			printf "%-14s %9s %10s  %-28s not measured: %s\n", bench, \
				number(median[1, "crew", bench]), "-", \
				goal_factor[g] " x " goal_of[g], reference[1] " is missing"
			continue
		}
		limit = goal_factor[g] * base
		ratio = median[1, "crew", bench] / base
		met = median[1, "crew", bench] <= limit
		if (!(bench in reached)) {
			reached[bench] = 1
			benches++
		}
		reached[bench] = reached[bench] && met
		printf "%-14s %9s %10s  %-28s %-6s %s\n", bench, number(median[1, "crew", bench]), \
			number(limit) " " unit[bench], \
			goal_of[g] == "one" ? goal_there[g] : goal_factor[g] " x " goal_of[g], \
			met ? "met" : "MISSED", \
			goal_of[g] == "one" ? "" : sprintf("%.3g x", ratio)
	}
	for (bench in reached)
		all_met += reached[bench]
	if (benches)
		printf "%d of %d benchmarks meet every target of theirs\n", all_met, benches
}

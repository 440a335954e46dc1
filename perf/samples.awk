# SPDX-License-Identifier: MIT
#
# samples.awk - reads result files (bench.h's JSON lines) for report.awk and compare:
# samples[file number, peer, benchmark], and median, low, high (quartiles), many.
# file_number counts the files that end in .json, from 1.

function field(name,    at)
{
	if (!match($0, "\"" name "\":\"[^\"]*\""))
		return ""
	at = RSTART + length(name) + 4
	return substr($0, at, RLENGTH - length(name) - 5)
}

function number_field(name)
{
	if (!match($0, "\"" name "\":[0-9.]+"))
		return ""
	return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
}

function sort(values, count,    i, k, v)
{
	for (i = 2; i <= count; i++) {
		v = values[i]
		for (k = i - 1; k > 0 && values[k] > v; k--)
			values[k + 1] = values[k]
		values[k + 1] = v
	}
}

function quantile(values, count, share,    at, below)
{
	at = share * (count - 1)
	below = int(at)
	if (below + 1 >= count)
		return values[count]
	return values[below + 1] + (at - below) * (values[below + 2] - values[below + 1])
}

function number(x)
{
	if (x == "")
		return "-"
	if (x >= 10000)
		return sprintf("%.0f", x)
	return sprintf(x >= 1000 ? "%.0f" : x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : \
		       x >= 0.01 || x == 0 ? "%.2f" : "%.1e", x)
}

FNR == 1 && FILENAME ~ /json$/ {
	file_number++
}

FILENAME ~ /json$/ && /"machine":\{/ {
	if (!(file_number in machine)) {
		cpu[file_number] = field("cpu") ", " number_field("processors") " processors"
		machine[file_number] = cpu[file_number] ", " field("memory") ", Linux " \
			field("kernel") ", " field("compiler") "; " field("flags")
	}
	load[file_number] = load[file_number] " " substr(field("load"), 1, 4)
	next
}

FILENAME ~ /json$/ && /"bench":/ {
	bench = field("bench")
	peer = field("peer")
	if (!(bench in unit)) {
		unit[bench] = field("unit")
		names[++name_count] = bench
	}
	if (!(peer in known)) {
		known[peer] = 1
		peers[++peer_count] = peer
	}
	match($0, /"samples":\[[^\]]*\]/)
	key = file_number SUBSEP peer SUBSEP bench
	samples[key] = samples[key] "," substr($0, RSTART + 11, RLENGTH - 12)
	next
}

# After the last line.
function evaluate(    key, parts, values, count, i)
{
	for (key in samples) {
		count = split(substr(samples[key], 2), parts, ",")
		for (i = 1; i <= count; i++)
			values[i] = parts[i] + 0
		sort(values, count)
		median[key] = quantile(values, count, 0.5)
		low[key] = quantile(values, count, 0.25)
		high[key] = quantile(values, count, 0.75)
		many[key] = count
	}
}

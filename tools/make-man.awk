# SPDX-License-Identifier: MIT
# make-man.awk - one header as a manual page: awk -v page= -v header= -v version=
# -f make-man.awk PROTOTYPES HEADER. The head comment is the DESCRIPTION, each public
# function a subsection, with its Checkpoint, Callers and Returns.

function escape(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	gsub(/'/, "\\(aq", text)
	gsub(/`/, "\\(ga", text)
	gsub(/\^/, "\\(ha", text)
	gsub(/~/, "\\(ti", text)
	if (text ~ /^\./)
		text = "\\&" text
	return text
}
# Running text: names of functions and what stands in back quotes are bold.
function prose(text,	rest, done, name) {
	rest = text
	done = ""
	while (match(rest, /`[^`]*`|(crew_|CREW_)[A-Za-z0-9_]*(\(\))?|crew\/[a-z_]+\.h/)) {
		name = substr(rest, RSTART, RLENGTH)
		done = done escape(substr(rest, 1, RSTART - 1))
		rest = substr(rest, RSTART + RLENGTH)
		gsub(/`/, "", name)
		done = done "\\fB" escape(name) "\\fR"
	}
	done = done escape(rest)
	if (done ~ /^[.']/)
		done = "\\&" done
	return done
}
function begin_code() {
	if (!in_code)
		print ".PP\n.in +4n\n.ta T 4n\n.EX"
	in_code = 1
}
function end_code() {
	if (in_code)
		print ".EE\n.in"
	in_code = 0
}
# Prints comment lines from first to last: paragraphs and examples.
function body(first, last,	i, line, fresh, blanks) {
	fresh = 1
	blanks = 0
	for (i = first; i <= last; i++) {
		line = comment[i]
		if (line == "") {
			blanks++
			continue
		}
		if (line ~ /^\t/ || line ~ /^ ? ? ?  /) {
			sub(/^\t/, "", line)
			if (in_code)
				for (; blanks > 0; blanks--)
					print ""
			begin_code()
			blanks = 0
			print escape(line)
			continue
		}
		if (in_code) {
			end_code()
			blanks = 1
		}
		if (blanks && !fresh)
			print ".PP"
		fresh = 0
		blanks = 0
		sub(/^ +/, "", line)
		print prose(line)
	}
	end_code()
}
# Checkpoint:, Callers:, Returns:, from line first on.
function facts(first, last,	i, line, open, n, part) {
	open = 0
	for (i = first; i <= last; i++) {
		line = comment[i]
		if (line ~ /^(Checkpoint|Callers|Returns):\t/) {
			if (table)
				print ".RE"
			table = 0
			n = index(line, ":")
			print ".TP\n.I " substr(line, 1, n - 1)
			line = substr(line, n + 1)
			sub(/^\t+/, "", line)
		} else if (line ~ /^\t\t[^ \t]+\t+[^ \t]/ || line ~ /^\t\t[a-z ]+\t+[^ \t]/) {
			sub(/^\t+/, "", line)
			n = index(line, "\t")
			if (!table)
				print ".RS"
			table = 1
			print ".TP\n.B " escape(substr(line, 1, n - 1))
			line = substr(line, n + 1)
			sub(/^\t+/, "", line)
		} else {
			sub(/^[ \t]+/, "", line)
		}
		if (line == "")
			continue
		# "0<tab>block and children succeeded" on the line of Returns itself
		if (match(line, /^[^\t]+\t+/)) {
			part = substr(line, 1, RLENGTH)
			line = substr(line, RLENGTH + 1)
			gsub(/\t/, "", part)
			if (!table)
				print ".RS"
			table = 1
			print ".TP\n.B " escape(part)
		}
		print prose(line)
	}
	if (table)
		print ".RE"
	table = 0
}
# A prototype in bold, parameters in italics.
function synopsis(text,	i, n, part, line) {
	gsub(/[ \t]+/, " ", text)
	n = index(text, "(")
	line = "\\fB" escape(substr(text, 1, n))
	text = substr(text, n + 1)
	sub(/\);$/, "", text)
	n = split(text, part, /, /)
	print ".HP 8"
	for (i = 1; i <= n; i++) {
		text = part[i]
		# a parameter stays on one line
		if (match(text, /[A-Za-z0-9_]+$/) && text ~ /[ *]/) {
			line = line tied(substr(text, 1, RSTART - 1)) "\\fI" escape(substr(text, RSTART)) "\\fB"
		} else {
			line = line tied(text)
		}
		print line (i < n ? "," : ");\\fR")
		line = ""
	}
}
function tied(text) {
	text = escape(text)
	gsub(/ /, "\\ ", text)
	return text
}
function quote(text) {
	gsub(/"/, "\\(dq", text)
	return "\"" text "\""
}
# From a comment's lines in the file to comment[1..n], without the stars.
function take(first, last,	i, line, n) {
	n = 0
	for (i = first; i <= last; i++) {
		line = source[i]
		sub(/^[ \t]*\/\*[ \t]?/, "", line)
		if (line ~ /\*\/[ \t]*$/)
			sub(/[ \t]*\*\/[ \t]*$/, "", line)
		sub(/^ \*( |$)?/, "", line)
		if (line ~ /^ ?\*\t/)
			sub(/^ ?\*/, "", line)
		sub(/[ \t]+$/, "", line)
		comment[++n] = line
	}
	while (n > 0 && comment[n] == "")
		n--
	return n
}

FNR == NR && FILENAME != ARGV[ARGC - 1] {
	split($0, f, "\t")
	if (f[1] == "include/" header) {
		functions++
		name[functions] = f[2]
		prototype[functions] = f[3]
		from[functions] = f[4]
		at[functions] = f[5]
	}
	next
}
{ source[FNR] = $0; lines = FNR }

END {
	# the head comment is the first of more than one line
	for (first = 1; first <= lines && (source[first] !~ /^\/\*/ || source[first] ~ /\*\/$/); first++)
		;
	for (last = first; last <= lines && source[last] !~ /\*\//; last++)
		;
	if (last > lines) {
		print "make-man: " header " has no head comment" >"/dev/stderr"
		exit 1
	}
	n = take(first, last)
	for (start = 1; start <= n && comment[start] == ""; start++)
		;
	title = comment[start++]
	if (title !~ /^[^ ]+ - ./) {
		print "make-man: the head comment of " header " does not begin with \"" header " - what it is\"" \
			>"/dev/stderr"
		exit 1
	}
	what = title
	sub(/^[^ ]+ - /, "", what)
	while (start <= n && comment[start] != "")
		what = what " " comment[start++]
	sub(/\.$/, "", what)
	section = section ? section : 3
	printf ".\\\" SPDX-License-Identifier: MIT\n.\\\" made from %s by tools/make-man\n", header
	printf ".TH %s %d \"\" \"crew %s\" \"crew\"\n", toupper(page), section, version
	printf ".SH NAME\n%s \\- %s\n", page, escape(what)
	printf ".SH SYNOPSIS\n.nf\n.B #include <%s>\n.fi\n", header
	if (functions)
		print ".PP\n.ad l\n.nh"
	for (i = 1; i <= functions; i++)
		synopsis(prototype[i])
	if (functions)
		print ".hy\n.ad"
	print ".PP"
	print "Link with \\fI\\-lcrew\\fR, or ask \\fBpkg\\-config\\fR for \\fIcrew\\fR."
	print ".SH DESCRIPTION"
	body(start, n)
	# the codes of crew/base.h: X(NAME, "sentence")
	for (i = 1; i <= lines; i++)
		if (match(source[i], /^\tX\([A-Z]+,[ \t]*"/)) {
			if (!codes++)
				print ".SH ERRORS"
			what = source[i]
			sub(/^\tX\(/, "", what)
			code = what
			sub(/,.*/, "", code)
			sub(/^[^"]*"/, "", what)
			sub(/".*/, "", what)
			printf ".TP\n.B CREW_%s\n%s (%d)\n", code, escape(what), -10000 - codes
		}
	if (functions)
		print ".SH FUNCTIONS"
	for (i = 1; i <= functions; i++) {
		printf ".SS %s()\n", name[i]
		# a macro around it, named without _at
		bare = name[i]
		if (sub(/_at$/, "", bare))
			for (j = at[i]; j <= lines && j < at[i] + 6; j++)
				if (index(source[j], "#define " bare "(") == 1) {
					macro = source[j]
					sub(/^#define /, "", macro)
					macro = substr(macro, 1, index(macro, ")"))
					print "Called as\n.BR " quote(escape(macro)) " .\n.PP"
				}
		if (!from[i])
			continue
		for (j = from[i]; j < at[i] && source[j] !~ /\*\//; j++)
			;
		n = take(from[i], j)
		for (first = 1; first <= n && comment[first] == ""; first++)
			;
		for (last = first; last <= n && comment[last] !~ /^(Checkpoint|Callers|Returns):/; last++)
			;
		body(first, last - 1)
		facts(last, n)
	}
}

# SPDX-License-Identifier: MIT
# make-man-readme.awk - README.md's program and its "What to know" as parts of crew(7).
function escape(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	gsub(/'/, "\\(aq", text)
	gsub(/\^/, "\\(ha", text)
	gsub(/~/, "\\(ti", text)
	if (text ~ /^\./)
		text = "\\&" text
	return text
}
function prose(text,	rest, done, bold, n, part, i) {
	# links: their text; `x` and **x** are bold
	while (match(text, /\[[^]]*\]\([^)]*\)/)) {
		part[1] = substr(text, RSTART + 1, index(substr(text, RSTART), "]") - 2)
		text = substr(text, 1, RSTART - 1) part[1] substr(text, RSTART + RLENGTH)
	}
	text = escape(text)
	gsub(/\*\*/, "`", text)
	n = split(text, part, "`")
	done = (font ? "\\fB" : "") part[1]
	for (i = 2; i <= n; i++) {
		font = !font
		done = done (font ? "\\fB" : "\\fR") part[i]
	}
	if (font)	# it goes on in the next line
		done = done "\\fR"
	return done
}
/^```c$/ && !programs++ { print ".SH EXAMPLE\n.EX"; printing = 1; next }
/^```/ { if (printing) print ".EE"; printing = 0; other = !other && !/^```$/ ? 1 : 0; next }
printing { line = $0; print escape(line); next }
other { next }
/^## / { inside = /^## What to know/; if (inside) { print ".SH WHAT TO KNOW"; found = 1; fresh = 1 }; next }
!inside { next }
/^[ \t]*$/ { if (in_code) print ".EE\n.in"; in_code = 0; blank = 1; font = 0; next }
/^\t/ {
	if (!in_code)
		print ".PP\n.in +4n\n.EX"
	in_code = 1
	line = $0
	sub(/^\t/, "", line)
	print escape(line)
	next
}
/^[-*] / {
	sub(/^[-*] /, "")
	print ".IP \\(bu 2"
	blank = 0
}
{
	if (in_code)
		print ".EE\n.in"
	in_code = 0
	if (blank && !fresh)
		print ".PP"
	blank = fresh = 0
	sub(/^ +/, "")
	print prose($0)
}
END {
	if (in_code)
		print ".EE\n.in"
	if (!found) {
		print "make-man: README.md has no section \"## What to know\"" >"/dev/stderr"
		exit 1
	}
}

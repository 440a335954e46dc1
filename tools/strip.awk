# SPDX-License-Identifier: MIT
# strip.awk - C without its comments, for the checks that read source by the line.
#
#	awk -f tools/strip.awk FILE...				file:line:code
#	awk -v comments=1 -f tools/strip.awk FILE...		file:line:comment
#	awk -v strings=0 -f tools/strip.awk FILE...		with "..." for each string
BEGIN { keep_strings = (strings == "" || strings) }
FNR == 1 { inside = 0 }
{
	code = ""
	comment = ""
	rest = $0
	while (rest != "") {
		if (inside) {
			end = index(rest, "*/")
			if (!end) {
				comment = comment rest
				break
			}
			comment = comment substr(rest, 1, end - 1)
			rest = substr(rest, end + 2)
			inside = 0
			code = code " "
		} else if (!match(rest, /\/\*|\/\/|["']/)) {
			code = code rest
			break
		} else {
			what = substr(rest, RSTART, RLENGTH)
			code = code substr(rest, 1, RSTART - 1)
			rest = substr(rest, RSTART + RLENGTH)
			if (what == "/*") {
				inside = 1
			} else if (what == "//") {
				comment = comment rest
				rest = ""
			} else {
				# to the end of the string or character
				text = what
				while (rest != "") {
					c = substr(rest, 1, 1)
					if (c == "\\") {
						text = text substr(rest, 1, 2)
						rest = substr(rest, 3)
						continue
					}
					text = text c
					rest = substr(rest, 2)
					if (c == what)
						break
				}
				code = code (keep_strings ? text : what "..." what)
			}
		}
	}
	if (comments)
		print FILENAME ":" FNR ":" comment
	else
		print FILENAME ":" FNR ":" code
}

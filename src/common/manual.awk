# manual.awk: what a program's --help prints becomes its manual page.
#
# awk -v version=VERSION -f manual.awk
# The form of the text is told in help.h.  Knows neither program.

# text as roff wants it: no line is a request by what it begins with, no minus a hyphen
function roff(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	sub(/^[.']/, "\\\\\\&&", text)
	return text
}

function section(name)
{
	print ".SH " toupper(name)
}

NR == 1 {
	program = substr($0, 1, index($0, ":") - 1)
	printf ".\\\" made of %s --help\n.TH %s 8 \"\" \"cdc_pipeline %s\" \"cdc_pipeline\"\n", program, toupper(program), version
	section("name")
	print program " \\- " roff(substr($0, length(program) + 3))
	next
}

/^Usage: / {
	section("synopsis")
	print ".B " roff(substr($0, 8))
	section("description")
	next
}

/^[A-Z][a-z ]*:$/ {
	section(substr($0, 1, length($0) - 1))
	next
}

/^  / {
	columns = split(substr($0, 3), column, /   */)
	print ".TP\n.B " roff(column[1])
	print roff(column[columns])
	if (columns == 3)
		print ".br\nDefault: " roff(column[2] == "(none)" ? "none" : column[2])
	next
}

$0 == "" {
	next
}

{
	print (paragraphs++ ? ".PP\n" : "") roff($0)
}

END {
	section("see also")
	print "The documentation of cdc_pipeline, below /usr/share/doc or /usr/local/share/doc."
}

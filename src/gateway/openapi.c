/*
 * openapi.c
 *	  The API's document, within the program.
 *
 * The paths are read by their indentation: two blanks and a slash below the
 * line "paths:".
 */
#include "gateway/openapi.h"

__asm__(".pushsection .rodata\n"
		"cdc_openapi_begin:\n"
#ifdef OPENAPI
		".incbin \"" OPENAPI "\"\n"
#endif
		"cdc_openapi_end:\n"
		".byte 0\n"
		".popsection\n");

extern const char cdc_openapi_begin[];
extern const char cdc_openapi_end[];

static char *templates[OPENAPI_ROUTES];
static int	ntemplates;

const char *
openapi_text(size_t *size)
{
	/* cppcheck-suppress comparePointers; begin and end of one thing, which the assembler has put there */
	*size = cdc_openapi_end - cdc_openapi_begin;
	return cdc_openapi_begin;
}

void
openapi_start(void)
{
	const char *line = cdc_openapi_begin;
	bool		paths = false;

	templates[ntemplates++] = pg_strdup("other");
	while (line < cdc_openapi_end)
	{
		const char *end = memchr(line, '\n', cdc_openapi_end - line);
		size_t		length = (end != NULL ? end : cdc_openapi_end) - line;

		if (length > 0 && line[0] != ' ' && line[0] != '#')
			paths = length >= 6 && strncmp(line, "paths:", 6) == 0;
		else if (paths && length > 4 && strncmp(line, "  /", 3) == 0 && ntemplates < OPENAPI_ROUTES)
		{
			const char *colon = memchr(line, ':', length);

			if (colon != NULL)
				templates[ntemplates++] = pnstrdup(line + 2, colon - line - 2);
		}
		if (end == NULL)
			break;
		line = end + 1;
	}
}

/* A segment of a template in braces takes any that is not empty. */
static bool
matches(const char *template, const char *path, size_t length)
{
	const char *end = path + length;

	while (*template != '\0' && path < end)
	{
		if (*template == '{')
		{
			const char *start = path;

			while (path < end && *path != '/')
				path++;
			if (path == start)
				return false;
			template += strcspn(template, "}");
			template += *template == '}';
		}
		else if (*template++ != *path++)
			return false;
	}
	return *template == '\0' && path == end;
}

int
openapi_route(const char *path, size_t length)
{
	int			i;

	/* each path is served with and without a slash at its end */
	if (length > 1 && path[length - 1] == '/')
		length--;
	for (i = 1; i < ntemplates; i++)
	{
		if (matches(templates[i], path, length))
			return i;
	}
	return 0;
}

const char *
openapi_template(int route)
{
	return templates[route];
}

int
openapi_count(void)
{
	return ntemplates;
}

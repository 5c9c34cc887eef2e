/*
 * access_log.c
 *	  One JSON line a request.
 */
#include "gateway/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "gateway/config.h"

#define KEEP (1024 * 1024)		/* bytes of lines that wait for the reader */

static int	fd = -1;
static mode_t kind;
static StringInfoData kept;
static int	written;			/* of kept */
static uint64 dropped;

bool
access_log_open(void)
{
	struct stat st;

	if (kept.data == NULL)
		initStringInfo(&kept);
	if (config.access_log == NULL || strcmp(config.access_log, "off") == 0)
		return true;
	if (strcmp(config.access_log, "-") == 0)
		fd = STDOUT_FILENO;
	else
	{
		int			fresh = open(config.access_log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

		if (fresh < 0)
		{
			fprintf(stderr, "cdc_gateway: access_log \"%s\": %s\n", config.access_log, strerror(errno));
			return false;
		}
		if (fd >= 0)
			close(fd);
		fd = fresh;
	}
	kind = fstat(fd, &st) == 0 ? st.st_mode & S_IFMT : S_IFREG;
	return true;
}

/* Writes some; false when it would block or fail. */
static bool
write_some(void)
{
	size_t		length = kept.len - written;
	ssize_t		n;

	if (kind == S_IFSOCK)
		n = send(fd, kept.data + written, Min(length, 65536), MSG_DONTWAIT | MSG_NOSIGNAL);
	else
	{
		/* a pipe that polls as writable takes PIPE_BUF bytes at once */
		struct pollfd ready = {.fd = fd, .events = POLLOUT};

		if (kind != S_IFREG && (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0))
			return false;
		n = write(fd, kept.data + written, kind == S_IFREG ? length : Min(length, 4096));
	}
	if (n <= 0)
		return false;
	written += n;
	return true;
}

void
access_log_flush(void)
{
	if (fd < 0)
		return;
	while (written < kept.len && write_some())
		;
	if (written == kept.len)
	{
		resetStringInfo(&kept);
		written = 0;
	}
	else if (written > KEEP / 2)
	{
		memmove(kept.data, kept.data + written, kept.len - written);
		kept.len -= written;
		written = 0;
	}
}

/* A JSON string; what is no printable ASCII is escaped, byte by byte. */
static void
add_string(const char *bytes, size_t length)
{
	size_t		i;

	appendStringInfoChar(&kept, '"');
	for (i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) bytes[i];

		if (c == '"' || c == '\\')
			appendStringInfoChar(&kept, '\\');
		if (c < 0x20 || c >= 0x7f)
			appendStringInfo(&kept, "\\u%04x", c);
		else
			appendStringInfoChar(&kept, (char) c);
	}
	appendStringInfoChar(&kept, '"');
}

void
access_log_write(const Request *request, const char *route, uint64 microseconds)
{
	struct timeval now;
	struct tm	utc;
	char		time_text[40];

	if (fd < 0)
		return;
	if (kept.len - written > KEEP)
	{
		access_log_flush();
		if (kept.len - written > KEEP)
		{
			dropped++;
			return;
		}
	}
	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &utc);
	strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%S", &utc);
	if (dropped > 0)
	{
		appendStringInfo(&kept, "{\"time\":\"%s.%03dZ\",\"lines_dropped\":" UINT64_FORMAT "}\n", time_text, (int) (now.tv_usec / 1000), dropped);
		dropped = 0;
	}
	appendStringInfo(&kept, "{\"time\":\"%s.%03dZ\",\"request_id\":", time_text, (int) (now.tv_usec / 1000));
	add_string(request->id, strlen(request->id));
	appendStringInfoString(&kept, ",\"remote\":");
	add_string(request->remote, strlen(request->remote));
	/* a name that PostgreSQL did not accept may be a password in the wrong place */
	if (request->proven && request->role != NULL)
	{
		appendStringInfoString(&kept, ",\"role\":");
		add_string(request->role, strlen(request->role));
	}
	else if (request->bearer)
		appendStringInfoString(&kept, ",\"bearer\":true");
	appendStringInfoString(&kept, ",\"method\":");
	add_string(request->method, strlen(request->method));
	appendStringInfoString(&kept, ",\"path\":");
	add_string(request->target != NULL ? request->target : "", request->path_length);
	appendStringInfoString(&kept, ",\"route\":");
	add_string(route, strlen(route));
	appendStringInfo(&kept, ",\"status\":%d,\"bytes_in\":%d,\"bytes_out\":%zu,\"ms\":%.3f}\n",
					 request->status, request->body.len, request->answer_length, (double) microseconds / 1000);
	if (kept.len > 32 * 1024)
		access_log_flush();
}

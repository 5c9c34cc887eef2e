/*
 * config.c
 *	  Reads the gateway's settings.
 *
 * Owns the table of settings; everything else only reads `config`.
 */
#include "gateway/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>

#include "common/help.h"

GatewayConfig config;

typedef enum SettingType
{
	SETTING_TEXT,
	SETTING_COUNT,
	SETTING_BYTES,				/* kB and MB are understood */
	SETTING_TIME				/* ms, s, min and h; a bare number is seconds */
} SettingType;

typedef struct Setting
{
	const char *name;
	SettingType type;
	void	   *place;
	const char *standard;
	int64		min;
	int64		max;
	const char *help;
} Setting;

#define HOUR (3600 * 1000)

static const Setting settings[] = {
	{"listen", SETTING_TEXT, &config.listen, "127.0.0.1:8080", 0, 0, "address and port"},
	{"database", SETTING_TEXT, &config.database, "dbname=cdc", 0, 0, "connection string of the metadata database, several hosts allowed, without a password"},
	{"password_file", SETTING_TEXT, &config.password_file, NULL, 0, 0, "file with the password of the gateway's own role"},
	{"tls_certificate", SETTING_TEXT, &config.tls_certificate, NULL, 0, 0, "PEM file, leaf first; read again on SIGHUP"},
	{"tls_key", SETTING_TEXT, &config.tls_key, NULL, 0, 0, "PEM file"},
	{"access_log", SETTING_TEXT, &config.access_log, "-", 0, 0, "-, off, or a file; opened again on SIGHUP"},
	{"trusted_proxies", SETTING_TEXT, &config.trusted_proxies, NULL, 0, 0, "networks whose X-Forwarded-For is believed, comma separated"},
	{"max_connections", SETTING_COUNT, &config.max_connections, "1024", 8, 100000, "connections of clients"},
	{"address_connections", SETTING_COUNT, &config.address_connections, "256", 1, 100000, "of these from one address, or one IPv6 network of 64 bits"},
	{"address_handshakes", SETTING_COUNT, &config.address_handshakes, "50", 1, 100000, "TLS handshakes a second from one address, four times as many at once"},
	{"max_memory", SETTING_BYTES, &config.max_memory, "96MB", 1024 * 1024, INT64CONST(2047) * 1024 * 1024, "bodies and answers of all requests, a quarter for one address"},
	{"max_body", SETTING_BYTES, &config.max_body, "1MB", 1024, 64 * 1024 * 1024, "largest body of a request"},
	{"max_header", SETTING_BYTES, &config.max_header, "16kB", 1024, 256 * 1024, "largest header of a request"},
	{"max_uri", SETTING_BYTES, &config.max_uri, "4kB", 256, 64 * 1024, "longest path with query"},
	{"request_timeout", SETTING_TIME, &config.request_timeout, "10s", 100, HOUR, "a request is complete so long after its first byte"},
	{"idle_timeout", SETTING_TIME, &config.idle_timeout, "60s", 100, HOUR, "an idle connection ends"},
	{"answer_timeout", SETTING_TIME, &config.answer_timeout, "25s", 1000, HOUR, "an answer comes, or a 503"},
	{"stop_timeout", SETTING_TIME, &config.stop_timeout, "30s", 100, HOUR, "answers in flight may take so long at a stop"},
	{"database_connections", SETTING_COUNT, &config.database_connections, "64", 2, 10000, "connections to the database"},
	{"role_connections", SETTING_COUNT, &config.role_connections, "8", 1, 10000, "of these for one role"},
	{"logins", SETTING_COUNT, &config.logins, "8", 1, 1000, "logins under way at once"},
	{"max_waiting", SETTING_COUNT, &config.max_waiting, "512", 1, 100000, "requests of one role that wait for a connection"},
	{"revalidate", SETTING_TIME, &config.revalidate, "3s", 100, HOUR, "a password is proven again when its proof is older"},
	{"session_lifetime", SETTING_TIME, &config.session_lifetime, "10min", 1000, 24 * HOUR, "a connection to the database is not used longer"},
	{"session_idle", SETTING_TIME, &config.session_idle, "60s", 1000, 24 * HOUR, "nor kept idle longer"},
};

pg_noreturn static void bad(const char *where, const char *format,...) pg_attribute_printf(2, 3);

static void
bad(const char *where, const char *format,...)
{
	va_list		args;

	fprintf(stderr, "cdc_gateway: %s: ", where);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* value with its unit, in the smallest one; -1 when it is none. */
static int64
read_number(const char *value, SettingType type)
{
	static const struct
	{
		SettingType type;
		const char *unit;
		int64		factor;
	}			units[] = {
		{SETTING_COUNT, "", 1},
		{SETTING_BYTES, "", 1}, {SETTING_BYTES, "kB", 1024}, {SETTING_BYTES, "MB", 1024 * 1024},
		{SETTING_TIME, "", 1000}, {SETTING_TIME, "ms", 1}, {SETTING_TIME, "s", 1000},
		{SETTING_TIME, "min", 60 * 1000}, {SETTING_TIME, "h", HOUR}
	};
	char	   *end;
	long long	number;
	size_t		i;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno != 0 || end == value || number < 0 || number > INT_MAX)
		return -1;
	while (*end == ' ')
		end++;
	for (i = 0; i < lengthof(units); i++)
	{
		if (units[i].type == type && strcmp(units[i].unit, end) == 0)
			return number * units[i].factor;
	}
	return -1;
}

static void
set(const char *where, const char *name, const char *value)
{
	size_t		i;

	for (i = 0; i < lengthof(settings); i++)
	{
		const Setting *s = &settings[i];
		int64		number;

		if (strcmp(s->name, name) != 0)
			continue;
		if (s->type == SETTING_TEXT)
		{
			pg_free(*(char **) s->place);
			*(char **) s->place = value[0] != '\0' ? pg_strdup(value) : NULL;
			return;
		}
		number = read_number(value, s->type);
		if (number < s->min || number > s->max)
			bad(where, "%s = \"%s\": a %s from " INT64_FORMAT " to " INT64_FORMAT "%s is wanted", name, value,
				s->type == SETTING_TIME ? "time" : s->type == SETTING_BYTES ? "size" : "number",
				s->min, s->max, s->type == SETTING_TIME ? " ms" : "");
		*(int *) s->place = (int) number;
		return;
	}
	bad(where, "unknown setting \"%s\"; cdc_gateway --help lists them", name);
}

/* The text without blanks at its ends, and without quotes around it. */
static char *
trim(char *str)
{
	size_t		length;

	while (isspace((unsigned char) *str))
		str++;
	length = strlen(str);
	while (length > 0 && isspace((unsigned char) str[length - 1]))
		str[--length] = '\0';
	if (length >= 2 && (str[0] == '\'' || str[0] == '"') && str[length - 1] == str[0])
	{
		str[length - 1] = '\0';
		str++;
	}
	return str;
}

static void
read_file(const char *path)
{
	FILE	   *file = fopen(path, "r");
	char		line[8192];
	int			number = 0;

	if (file == NULL)
		bad(path, "%s", strerror(errno));
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char		where[1100];
		char	   *str = trim(line);
		char	   *equals;

		snprintf(where, sizeof(where), "%s line %d", path, ++number);
		if (str[0] == '\0' || str[0] == '#')
			continue;
		equals = strchr(str, '=');
		if (equals == NULL)
			bad(where, "\"name = value\" is wanted");
		*equals = '\0';
		set(where, trim(str), trim(equals + 1));
	}
	fclose(file);
}

static void
read_proxies(void)
{
	char	   *list;
	char	   *entry;
	char	   *rest = NULL;

	if (config.trusted_proxies == NULL)
		return;
	list = pg_strdup(config.trusted_proxies);
	for (entry = strtok_r(list, ", ", &rest); entry != NULL; entry = strtok_r(NULL, ", ", &rest))
	{
		ProxyNet	net = {.family = AF_INET, .bits = 32};
		char	   *slash = strchr(entry, '/');
		int			most;

		if (slash != NULL)
			*slash = '\0';
		if (inet_pton(AF_INET, entry, net.address) != 1)
		{
			net.family = AF_INET6;
			if (inet_pton(AF_INET6, entry, net.address) != 1)
				bad("trusted_proxies", "\"%s\" is no address", entry);
		}
		most = net.family == AF_INET ? 32 : 128;
		net.bits = slash != NULL ? (int) read_number(slash + 1, SETTING_COUNT) : most;
		if (net.bits < 0 || net.bits > most)
			bad("trusted_proxies", "\"/%s\" is no length of a prefix", slash + 1);
		config.proxies = pg_realloc(config.proxies, (config.nproxies + 1) * sizeof(ProxyNet));
		config.proxies[config.nproxies++] = net;
	}
	pg_free(list);
}

static void
help(void)
{
	size_t		i;

	printf("cdc_gateway: serves the REST API of cdc_pipeline over HTTP\n\n"
		   "Usage: cdc_gateway [--config=FILE] [--SETTING=VALUE]...\n\n"
		   "HTTP in, one call of cdc.rest in the metadata database as the caller, HTTP out. It keeps no state: any number may run side by side.\n\n"
		   "Options:\n");
	cdc_help_row("--config=FILE", NULL, "a file with lines \"setting = value\"; the command line goes before it");
	cdc_help_row("--SETTING=VALUE", NULL, "one of the settings below");
	cdc_help_row("--help", NULL, "this text");
	cdc_help_row("--version", NULL, "which version this is");
	printf("\nSettings:\n");
	for (i = 0; i < lengthof(settings); i++)
		cdc_help_row(settings[i].name, settings[i].standard != NULL ? settings[i].standard : "(none)", settings[i].help);
	printf("\nSignals:\n");
	cdc_help_row("SIGTERM", NULL, "stops when the answers in flight are out, or after stop_timeout");
	cdc_help_row("SIGHUP", NULL, "reads the certificate again and opens the access log anew");
	printf("\nFiles:\n");
	cdc_help_row("/etc/cdc_gateway.conf", NULL, "the settings of cdc_gateway.service");
	cdc_help_row("/etc/cdc_gateway.password", NULL, "the password of its own role");
	exit(0);
}

void
config_read(int argc, char **argv)
{
	size_t		i;
	int			pass;

	for (i = 0; i < lengthof(settings); i++)
	{
		if (settings[i].standard != NULL)
			set("default", settings[i].name, settings[i].standard);
	}

	/* The file first, wherever it stands on the command line. */
	for (pass = 0; pass < 2; pass++)
	{
		int			n;

		for (n = 1; n < argc; n++)
		{
			char	   *word;
			char	   *equals;
			char	   *p;

			if (strcmp(argv[n], "--help") == 0)
				help();
			if (strcmp(argv[n], "--version") == 0)
			{
				printf("cdc_gateway %s\n", CDC_VERSION);
				exit(0);
			}
			word = pg_strdup(argv[n]);
			equals = strchr(word, '=');
			if (strncmp(word, "--", 2) != 0 || equals == NULL)
				bad("command line", "\"%s\": --setting=value is wanted; see --help", word);
			*equals = '\0';
			for (p = word; *p != '\0'; p++)
			{
				if (p > word + 1 && *p == '-')
					*p = '_';
			}
			if (strcmp(word + 2, "config") == 0)
			{
				if (pass == 0)
					read_file(equals + 1);
			}
			else if (pass == 1)
			{
				/* The process list shows it to everybody. */
				if (strcmp(word + 2, "database") == 0 && strstr(equals + 1, "password=") != NULL)
					bad("command line", "a password does not belong on the command line: use password_file");
				set("command line", word + 2, equals + 1);
			}
			pg_free(word);
		}
	}
	if ((config.tls_certificate == NULL) != (config.tls_key == NULL))
		bad("settings", "tls_certificate and tls_key go together");
	if (config.database == NULL)
		bad("settings", "database is empty");
	if (config.max_body > config.max_memory / 4)
		bad("settings", "max_memory must be at least four times max_body: one address may have a quarter of it");
	read_proxies();
}

bool
config_trusts(const struct sockaddr *address)
{
	const unsigned char *bytes;
	int			family = address->sa_family;
	int			i;

	if (family == AF_INET)
		bytes = (const unsigned char *) &((const struct sockaddr_in *) address)->sin_addr;
	else if (family == AF_INET6)
	{
		static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

		bytes = (const unsigned char *) &((const struct sockaddr_in6 *) address)->sin6_addr;
		if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		{
			family = AF_INET;
			bytes += sizeof(mapped);
		}
	}
	else
		return false;

	for (i = 0; i < config.nproxies; i++)
	{
		const ProxyNet *net = &config.proxies[i];
		int			whole = net->bits / 8;
		int			left = net->bits % 8;

		if (net->family == family && memcmp(net->address, bytes, whole) == 0 &&
			(left == 0 || (net->address[whole] ^ bytes[whole]) >> (8 - left) == 0))
			return true;
	}
	return false;
}

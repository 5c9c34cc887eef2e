/* link: src/gateway/auth.c src/gateway/address.c */
/* libs: -lcrypto -lpgcommon -lpgport */
/*
 * credentials_fuzz.c
 *	  Any bytes as an Authorization header and as an address of X-Forwarded-For:
 *	  they are refused, or what is read of them is safe where it is used: a role
 *	  goes to libpq and into PostgreSQL's log, a token into a call, an address
 *	  into JSON.
 */
#include "gateway/address.h"
#include "gateway/auth.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "mb/pg_wchar.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_header(const char *header)
{
	char	   *role;
	char	   *secret;
	AuthScheme	scheme = auth_read(header, &role, &secret);
	const char *p;

	if ((scheme == AUTH_BAD) != (secret == NULL) || (scheme == AUTH_BASIC) != (role != NULL))
		abort();
	if (secret != NULL && secret[0] == '\0')
		abort();
	if (role != NULL)
	{
		if (role[0] == '\0' || strlen(role) >= NAMEDATALEN || strchr(role, ':') != NULL ||
			pg_encoding_verifymbstr(PG_UTF8, role, (int) strlen(role)) != (int) strlen(role))
			abort();
		for (p = role; *p != '\0'; p++)
		{
			if ((unsigned char) *p < ' ' || *p == 0x7f)
				abort();
		}
	}
	for (p = scheme == AUTH_BEARER ? secret : ""; *p != '\0'; p++)
	{
		if (*p <= ' ' || *p >= 0x7f)
			abort();
	}
	pg_free(role);
	pg_free(secret);
}

static void
check_address(const char *words, size_t length)
{
	struct sockaddr_storage address;
	char		printed[ADDRESS_TEXT];

	if (!address_read(words, length, &address))
		return;
	address_print((struct sockaddr *) &address, printed);
	if (printed[0] == '\0' || printed[strspn(printed, "0123456789abcdef.:")] != '\0' || address_key((struct sockaddr *) &address) == 0)
		abort();
	if (address.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *) &address)->sin6_addr))
		abort();
	/* what is printed is read as the same */
	if (!address_read(printed, strlen(printed), &address))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *words = malloc(size + 1);

	if (words == NULL)
		abort();
	memcpy(words, data, size);
	words[size] = '\0';
	check_address(words, size);
	check_header(words);
	free(words);
	return 0;
}

/*
 * call_error.c
 *	  What a client is told when PostgreSQL let his role not in, or refused the
 *	  call itself.
 */
#include "gateway/call_error.h"

void
call_error_no_database(Request *request)
{
	request_error(request, 503, "database_unavailable", "the metadata database cannot be reached",
				  "No host of it that takes writes let the gateway in.", "Try again.");
}

void
call_error_sqlstate(Request *request, const char *sqlstate)
{
	if (strcmp(sqlstate, "42501") == 0)
		request_error(request, 403, "forbidden", "this role may not use the API", "PostgreSQL let it in, but it has no rights in schema cdc.",
					  "An administrator of an organization adds it with cdc.add_member.");
	else if (strncmp(sqlstate, "22", 2) == 0)
		request_error(request, 400, "bad_request", "the request has characters that cannot be stored", NULL, "Send UTF-8 without U+0000.");
	else if (strcmp(sqlstate, "57014") == 0)
		request_error(request, 503, "timeout", "the metadata database did not answer in time", "The call was cancelled and has changed nothing.", "Try again.");
	else if (strncmp(sqlstate, "42", 2) == 0 || strncmp(sqlstate, "3F", 2) == 0 || strncmp(sqlstate, "3D", 2) == 0)
		request_error(request, 503, "not_installed", "the metadata database does not have the API", "Its functions could not be called.",
					  "CREATE EXTENSION cdc_pipeline there, or update it.");
	else if (strncmp(sqlstate, "57", 2) == 0 || strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "53", 2) == 0 ||
			 strncmp(sqlstate, "40", 2) == 0 || strcmp(sqlstate, "25006") == 0)
		request_error(request, 503, "database_unavailable", "the metadata database could not carry out the call", "It has changed nothing.", "Try again.");
	else
	{
		/* the message may quote what the client sent: it is in the server's log */
		fprintf(stderr, "cdc_gateway: request %s failed with SQLSTATE %s\n", request->id, sqlstate);
		request_error(request, 500, "internal_error", "the call failed in the metadata database", NULL, "Its log says why; search for the request id.");
	}
}

void
call_error_login(Request *request, LoginResult result, const char *sqlstate, bool own)
{
	switch (result)
	{
		case LOGIN_REFUSED:
			if (own)
				request_error(request, 503, "not_configured", "the metadata database refuses the gateway's own role", NULL, "See the gateway's settings database and password_file.");
			else
				request_unauthorized(request, true, "wrong user name or password");
			break;
		case LOGIN_FORBIDDEN:
			call_error_sqlstate(request, sqlstate);
			break;
		case LOGIN_UNSAFE:
			request_error(request, 503, "not_configured", "the metadata database does not ask for passwords as it must",
						  "It let a role in whose password it did not check, or wants the password itself without a certificate that the gateway checks.",
						  "Its pg_hba.conf must say scram-sha-256 where the gateway comes from, or the gateway's setting database sslmode=verify-full.");
			break;
		default:
			call_error_no_database(request);
			break;
	}
}

void
call_error_lost(Request *request)
{
	request_error(request, 503, "outcome_unknown", "the connection to the metadata database was lost",
				  "The request may have been carried out, or not.", "Look before you repeat it: what is there already is refused with 409, not made twice.");
}

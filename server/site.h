/* The site's access rules (<Directory>, .htaccess, <Files>) hold for claimed URLs:
 * what protects a site protects what stands in it.
 *
 * A claimed URL names no file, but it is a URL of the site: httpd would map it to a
 * path below the document root, and what <Directory>, .htaccess and <Files> say of
 * that path counts here as for any other URL: `Require`, first of all. The location
 * comes after them, as always, so a `Require` of its own wins.
 *
 *     uri    /plays/song/a/b     root "/plays"
 *     path   /var/www/plays      what the root is mapped to; the rest is
 *                                "/song/a/b"
 *
 * Where no AllowOverride lets an .htaccess file in on the way, all of it is known
 * from the configuration: it is merged once for each root, and the disk is not
 * asked. Where one does, httpd's own walk is run on the path for each request, as
 * it is for any other URL: a stat and an open for each directory above the root.
 * What follows the root, the id for instance, adds nothing to that.
 *
 * Sections of directories count whether the directory is there or not. Rules of
 * mod_rewrite in <Directory> and .htaccess may refuse and redirect; they do not
 * lead our URLs to a file, as a site's front controller wants for every URL that
 * names none: see playcount_site_stay().
 */
#ifndef PLAYCOUNT_SERVER_SITE_H
#define PLAYCOUNT_SERVER_SITE_H

#include "httpd.h"

#include "server/request.h"

/* In map_to_storage, for a claimed request: set r->per_dir_config, r->filename and
 * r->path_info. OK, or the status that httpd refuses it with. */
int playcount_site_enter(request_rec *r, playcount_request *q);

/* In the last of the fixups: undo what a directory's rules did to lead the request
 * elsewhere. */
void playcount_site_stay(request_rec *r, const playcount_request *q);

/* The hooks and the configuration: which roots there are, per server. */
extern const playcount_room playcount_site_room;

#endif

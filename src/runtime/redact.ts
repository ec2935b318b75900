/** The address without what must not be seen: the password of `scheme://user:password@host`, and secret query values. */
export function redactUrl(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)@/i, (_, scheme: string, userinfo: string) => {
      const colon = userinfo.indexOf(":");
      return colon < 0 ? `${scheme}${userinfo}@` : `${scheme}${userinfo.slice(0, colon)}:***@`;
    })
    .replace(/([?&](?:[\w-]*(?:password|passwd|pwd|token|secret|signature|credential|key)[\w-]*)=)[^&#]*/gi, "$1***");
}

/** Replaces every address inside a text by its redacted form: for messages of libraries that quote what they were given. */
export function redactText(text: string): string {
  return text.replace(/[a-z][a-z0-9+.-]*:\/\/[^\s'"<>]+/gi, redactUrl);
}

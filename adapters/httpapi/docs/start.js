// Shows the API's own document, and sends the pasted token with requests that
// are tried out. Swagger UI's log-in is taken away: it would have to reach the
// issuer, which this page may not.
"use strict";

const token = document.getElementById("token");
// What a proxy has before the path: the document's /v1 does not know it.
const prefix = location.pathname.replace(/\/docs$/, "");
const nothing = () => () => null;

SwaggerUIBundle({
  dom_id: "#contract",
  url: "openapi.yaml",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: "none",
  plugins: [{ wrapComponents: { authorizeBtn: nothing, authorizeOperationBtn: nothing } }],
  requestInterceptor: (request) => {
    const url = new URL(request.url, location.href);
    if (url.origin !== location.origin) {
      return request;
    }
    if (!url.pathname.startsWith(prefix + "/")) {
      url.pathname = prefix + url.pathname;
      request.url = url.href;
    }
    if (token.value.trim() !== "") {
      request.headers.Authorization = "Bearer " + token.value.trim();
    }
    return request;
  },
});

// The address of the API: the folder of this page, so that a proxy may serve it below a path of its own.

export const ROOT = new URL(".", location.href).href.replace(/\/$/, "");

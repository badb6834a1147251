// The build of the pages, and the development server.

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, loadEnv } from "vite";

/** The API's paths, which `npm run dev` forwards to a running API. */
const API = "^/(audit|dead-letters|events|fleet|health|links|logic|machines|metrics|partitions|profiles|queues|schema|tokens|whoami|workers)\\b";

export default defineConfig(({ mode }) => {
  const target = loadEnv(mode, ".", "IOT_LOGIC_")["IOT_LOGIC_API_URL"] ?? "http://127.0.0.1:8001";
  return {
    plugins: [svelte()],
    // Relative addresses, so that a proxy may serve the pages below a path of its own.
    base: "./",
    build: {
      outDir: "built",
      // Served at /pages/ without subfolders. The names contain a hash of the content.
      assetsDir: "pages",
      // No data: addresses, because the Content-Security-Policy blocks them.
      assetsInlineLimit: 0,
      // One stylesheet: it is only a few kilobytes, and no view is shown without its styles.
      cssCodeSplit: false,
      modulePreload: { polyfill: false },
      // The licence notices of the bundled packages, which must be distributed with them.
      license: { fileName: "licences.md" },
      // The browsers that support light-dark() in CSS.
      target: ["chrome125", "firefox126", "safari17.5"],
      chunkSizeWarningLimit: 600,
      reportCompressedSize: false,
    },
    server: {
      // Without tokens, the API answers only to its own pages.
      proxy: { [API]: { target, headers: { origin: target, "sec-fetch-site": "same-origin" }, changeOrigin: true } },
    },
  };
});

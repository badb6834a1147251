// How the pages are built, and served while they are worked on.

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, loadEnv } from "vite";

/** Beginnings of the API's paths, which `npm run dev` passes on to a running API. */
const API = "^/(audit|dead-letters|events|fleet|health|links|logic|machines|metrics|partitions|profiles|queues|schema|tokens|whoami|workers)\\b";

export default defineConfig(({ mode }) => {
  const target = loadEnv(mode, ".", "IOT_LOGIC_")["IOT_LOGIC_API_URL"] ?? "http://127.0.0.1:8001";
  return {
    plugins: [svelte()],
    build: {
      outDir: "built",
      // Served at /pages/, flat: their names carry a hash of what is in them.
      assetsDir: "pages",
      // Nothing is a data: address, which the Content-Security-Policy would refuse.
      assetsInlineLimit: 0,
      // One stylesheet: a few kilobytes, and no view is seen without its own.
      cssCodeSplit: false,
      modulePreload: { polyfill: false },
      // The notices of what is in the bundle, which its licences ask to be passed on with it.
      license: { fileName: "licences.md" },
      // What knows light-dark() of CSS.
      target: ["chrome125", "firefox126", "safari17.5"],
      chunkSizeWarningLimit: 600,
      reportCompressedSize: false,
    },
    server: {
      // Where no token is needed, the API answers only to pages of its own.
      proxy: { [API]: { target, headers: { origin: target, "sec-fetch-site": "same-origin" }, changeOrigin: true } },
    },
  };
});

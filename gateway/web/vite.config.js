import { defineConfig } from 'vite';

// `npm run dev` serves the page with live reload and borrows everything else from a running gateway.
const gateway = process.env.WOD_GATEWAY ?? 'http://127.0.0.1:7700';

export default defineConfig({
  build: { target: 'es2023' },
  server: {
    proxy: {
      '/ws': { target: gateway, ws: true },
      '/maps': gateway,
      '/dev': gateway,
    },
  },
  test: { include: ['test/**/*.test.ts'] },
});

{"uwsgi": {"master": true}}
